// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family device-evidence, version 1, as the staging tree's
 * Documentation/netlink/specs/device-evidence.yaml describes it, with the
 * command validate that was asked for in review.
 *
 * An object begins with a message that has its type, the generation and its
 * length; what does not fit follows in messages with bytes only. A nonce has the
 * device measure itself first, which makes another generation; whoever is in the
 * middle of a dump then is told EAGAIN.
 */
#include <crypto/sha2.h>
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include "devsec.h"

#define FAMILY_NAME	"device-evidence"
#define SUBSYS		"pci"
#define NAME_SIZE	32
#define NONCE_MAX	32
#define FLAG_DIGEST	1
#define ALL_TYPES	(BIT(EVIDENCE_TYPES) - 1)

enum { CMD_READ = 1, CMD_VALIDATE };

enum {
	A_TYPE = 1,
	A_TYPE_MASK,
	A_FLAGS,
	A_SUBSYS,
	A_DEV_NAME,
	A_NONCE,
	A_GENERATION,
	A_COUNT,
	A_LENGTH,
	A_VAL,
};

static bool validate = true;
module_param(validate, bool, 0444);
MODULE_PARM_DESC(validate, "the family has the command validate");
static bool refresh = true;
module_param(refresh, bool, 0644);
MODULE_PARM_DESC(refresh, "evidence can be refreshed with a nonce");
static uint chunk;
module_param(chunk, uint, 0644);
MODULE_PARM_DESC(chunk, "most bytes of an object in one message, 0: as many as fit");
static bool count;
module_param(count, bool, 0644);
MODULE_PARM_DESC(count, "tell how often the device was measured");

enum fault { FAULT_NONE, FAULT_BUMP, FAULT_SHORT, FAULT_STALE, FAULT_LENGTH };
static const char *const fault_names[] = { "none", "bump", "short", "stale", "length" };
static enum fault fault;

static int fault_set(const char *val, const struct kernel_param *kp)
{
	int rc = sysfs_match_string(fault_names, val);

	if (rc < 0)
		return rc;
	WRITE_ONCE(fault, rc);
	return 0;
}

static int fault_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", fault_names[READ_ONCE(fault)]);
}

static const struct kernel_param_ops fault_ops = { .set = fault_set, .get = fault_get };
module_param_cb(fault, &fault_ops, NULL, 0644);
MODULE_PARM_DESC(fault, "of the next dump: none, bump, short, stale or length");

static struct genl_family evidence_family;

/* Between the calls of one dump */
struct dump {
	struct pci_dev *pdev;
	u8 *nonce;
	u32 generation;
	u32 types;	/* still to be sent */
	u32 offset;	/* in the first of them */
	u8 nonce_len;
	u8 fault;
	bool digests;
	bool begun;	/* a generation was chosen */
};

static struct dump *to_dump(struct netlink_callback *cb)
{
	NL_ASSERT_CTX_FITS(struct dump);
	return (struct dump *)cb->ctx;
}

static bool has_evidence(const struct devsec *d)
{
	return d && d->locked;
}

/* Reads a name of a request, which has to be there */
static int read_name(const struct genl_info *info, int type, char *name)
{
	if (GENL_REQ_ATTR_CHECK(info, type)) {
		GENL_SET_ERR_MSG(info, "a name is missing");
		return -EINVAL;
	}
	if (nla_strscpy(name, info->attrs[type], NAME_SIZE) < 0) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[type], "the name is too long");
		return -EINVAL;
	}
	return 0;
}

/* The function that a request names; devsec_rwsem is held */
static struct devsec *find_requested(const struct genl_info *info)
{
	char subsys[NAME_SIZE], name[NAME_SIZE];
	struct devsec *d;
	int rc;

	rc = read_name(info, A_SUBSYS, subsys) ?: read_name(info, A_DEV_NAME, name);
	if (rc)
		return ERR_PTR(rc);
	if (strcmp(subsys, SUBSYS)) {
		GENL_SET_ERR_MSG_FMT(info, "the subsystem '%s' gives no evidence", subsys);
		return ERR_PTR(-EOPNOTSUPP);
	}
	d = devsec_find_name(name);
	if (!has_evidence(d)) {
		GENL_SET_ERR_MSG_FMT(info, "there is no evidence of '%s'", name);
		return ERR_PTR(-ENODEV);
	}
	return d;
}

static int read_types(const struct genl_info *info, u32 *types)
{
	if (GENL_REQ_ATTR_CHECK(info, A_TYPE_MASK)) {
		GENL_SET_ERR_MSG(info, "the mask of objects is missing");
		return -EINVAL;
	}
	*types = nla_get_u32(info->attrs[A_TYPE_MASK]);
	if (*types & ~ALL_TYPES) {
		GENL_SET_ERR_MSG_FMT(info, "the objects %#x are not known",
				     (u32)(*types & ~ALL_TYPES));
		return -EINVAL;
	}
	if (!*types) {
		GENL_SET_ERR_MSG(info, "no object is asked for");
		return -EINVAL;
	}
	return 0;
}

static int read_flags(const struct genl_info *info, bool *digests)
{
	u32 flags = info->attrs[A_FLAGS] ? nla_get_u32(info->attrs[A_FLAGS]) : 0;

	if (flags & ~FLAG_DIGEST) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[A_FLAGS], "the flags are not known");
		return -EINVAL;
	}
	*digests = flags & FLAG_DIGEST;
	return 0;
}

/* The fault that strikes this dump; one of the nonce waits for a dump that has one */
static enum fault take_fault(bool has_nonce)
{
	if (READ_ONCE(fault) == FAULT_STALE && !has_nonce)
		return FAULT_NONE;
	return xchg(&fault, FAULT_NONE);
}

static int read_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct nlattr *nonce = info->attrs[A_NONCE];
	struct dump *dump = to_dump(cb);
	struct devsec *d;
	int rc;

	*dump = (struct dump) { };
	ACQUIRE(rwsem_read_intr, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_read_intr, &lock);
	if (rc)
		return rc;
	d = find_requested(info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	rc = read_types(info, &dump->types) ?: read_flags(info, &dump->digests);
	if (rc)
		return rc;
	if (nonce) {
		dump->nonce = nla_memdup(nonce, GFP_KERNEL);
		if (!dump->nonce)
			return -ENOMEM;
		dump->nonce_len = nla_len(nonce);
	}
	dump->pdev = pci_dev_get(d->pdev);
	dump->fault = take_fault(nonce);
	return 0;
}

static int read_done(struct netlink_callback *cb)
{
	struct dump *dump = to_dump(cb);

	pci_dev_put(dump->pdev);
	kfree(dump->nonce);
	return 0;
}

/* Another generation, which nobody has verified; it wraps, and 0 stands for none at all */
static void advance(struct devsec_evidence *e)
{
	e->generation = e->generation + 1 ?: 1;
	e->validated = 0;
}

static int do_refresh(struct dump *dump, const u8 *nonce, size_t len)
{
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_write_kill, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (rc)
		return rc;
	d = devsec_find(dump->pdev);
	if (!has_evidence(d))
		return -ENXIO;
	if (dump->fault != FAULT_STALE) {
		rc = devsec_tdi_measure(d, nonce, len);
		if (rc)
			return rc;
	}
	advance(&d->evidence);
	return 0;
}

/* Somebody else asks for measurements */
static int do_bump(struct dump *dump)
{
	u8 nonce[SPDM_NONCE_SIZE];

	dump->fault = FAULT_NONE;
	get_random_bytes(nonce, sizeof(nonce));
	return do_refresh(dump, nonce, sizeof(nonce));
}

static int put_head(struct sk_buff *skb, struct dump *dump, const struct devsec_evidence *e,
		    int type, size_t len)
{
	if (len && dump->fault == FAULT_LENGTH)
		len++;
	if (nla_put_u32(skb, A_TYPE, type) ||
	    nla_put_u32(skb, A_GENERATION, dump->generation) ||
	    nla_put_u32(skb, A_LENGTH, len))
		return -EMSGSIZE;
	return count ? nla_put(skb, A_COUNT, sizeof(e->count), &e->count) : 0;
}

/* One message: as much of the first object as there is room for */
static int put_message(struct sk_buff *skb, struct netlink_callback *cb,
		       const struct devsec_evidence *e)
{
	struct dump *dump = to_dump(cb);
	int type = __ffs(dump->types), room;
	const struct spdm_blob *object = &e->object[type];
	const u8 *data = object->data;
	size_t len = object->len, end, n;
	u8 digest[SHA384_DIGEST_SIZE];
	void *hdr;

	if (dump->digests && len) {
		sha384(data, len, digest);
		data = digest;
		len = sizeof(digest);
	}
	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &evidence_family,
			  NLM_F_MULTI, CMD_READ);
	if (!hdr)
		return -EMSGSIZE;
	if (!dump->offset && put_head(skb, dump, e, type, len))
		goto out_cancel;
	end = dump->fault == FAULT_SHORT && dump->types == BIT(type) ? len / 2 : len;
	n = end - dump->offset;
	if (chunk)
		n = min_t(size_t, n, chunk);
	room = skb_tailroom(skb) - nla_total_size(0);
	if (room < (n ? NLA_ALIGNTO : 0))
		goto out_cancel;
	n = min_t(size_t, n, round_down(room, NLA_ALIGNTO));
	if (nla_put(skb, A_VAL, n, data + dump->offset))
		goto out_cancel;
	genlmsg_end(skb, hdr);
	dump->offset += n;
	if (len && dump->fault == FAULT_LENGTH)
		dump->fault = FAULT_NONE;
	if (dump->offset == end) {
		dump->types ^= BIT(type);
		dump->offset = 0;
	}
	return 0;
out_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

static int put_messages(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = to_dump(cb);
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_read_intr, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_read_intr, &lock);
	if (rc)
		return rc;
	d = devsec_find(dump->pdev);
	if (!has_evidence(d))
		return -ENXIO;
	if (!dump->begun)
		dump->generation = d->evidence.generation;
	dump->begun = true;
	if (dump->generation != d->evidence.generation) {
		NL_SET_ERR_MSG(cb->extack, "the evidence changed during the dump");
		return -EAGAIN;
	}
	while (dump->types) {
		rc = put_message(skb, cb, &d->evidence);
		if (rc)
			return skb->len ?: rc;
		if (dump->fault == FAULT_BUMP)
			return skb->len;
	}
	return 0;
}

static int read_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = to_dump(cb);
	int rc = 0;

	/* the last message left no room for the end of the dump */
	if (!dump->types)
		return 0;
	if (dump->nonce) {
		rc = refresh ? do_refresh(dump, dump->nonce, dump->nonce_len) : -EOPNOTSUPP;
		kfree(dump->nonce);
		dump->nonce = NULL;
	} else if (dump->begun && dump->fault == FAULT_BUMP) {
		rc = do_bump(dump);
	}
	if (rc) {
		NL_SET_ERR_MSG(cb->extack, "the evidence cannot be refreshed");
		return rc;
	}
	return put_messages(skb, cb);
}

static int validate_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_write_kill, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (rc)
		return rc;
	d = find_requested(info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	if (GENL_REQ_ATTR_CHECK(info, A_GENERATION)) {
		GENL_SET_ERR_MSG(info, "the generation is missing");
		return -EINVAL;
	}
	if (nla_get_u32(info->attrs[A_GENERATION]) != d->evidence.generation) {
		GENL_SET_ERR_MSG(info, "the evidence is of another generation");
		return -ESTALE;
	}
	d->evidence.validated = d->evidence.generation;
	return 0;
}

static const struct nla_policy read_policy[A_NONCE + 1] = {
	[A_TYPE_MASK] = { .type = NLA_U32 },
	[A_FLAGS] = { .type = NLA_U32 },
	[A_SUBSYS] = { .type = NLA_NUL_STRING },
	[A_DEV_NAME] = { .type = NLA_NUL_STRING },
	[A_NONCE] = NLA_POLICY_MAX_LEN(NONCE_MAX),
};

static const struct nla_policy validate_policy[A_GENERATION + 1] = {
	[A_SUBSYS] = { .type = NLA_NUL_STRING },
	[A_DEV_NAME] = { .type = NLA_NUL_STRING },
	[A_GENERATION] = { .type = NLA_U32 },
};

static const struct genl_split_ops evidence_ops[] = {
	{
		.cmd = CMD_READ,
		.start = read_start,
		.dumpit = read_dumpit,
		.done = read_done,
		.policy = read_policy,
		.maxattr = A_NONCE,
		.flags = GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	/* last, as not every posting has it */
	{
		.cmd = CMD_VALIDATE,
		.doit = validate_doit,
		.policy = validate_policy,
		.maxattr = A_GENERATION,
		.flags = GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static struct genl_family evidence_family = {
	.name = FAMILY_NAME,
	.version = 1,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.split_ops = evidence_ops,
};

int devsec_evidence_register(void)
{
	evidence_family.n_split_ops = ARRAY_SIZE(evidence_ops) - !validate;
	return genl_register_family(&evidence_family);
}

void devsec_evidence_unregister(void)
{
	genl_unregister_family(&evidence_family);
}
