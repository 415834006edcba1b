// SPDX-License-Identifier: GPL-2.0
/*
 * The platform's side of a TDI: evidence over SPDM, states over TDISP. A TVM
 * reaches the DSM through its TSM; here the requests travel over the function's
 * own mailbox, outside of a secure session.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "devsec.h"

/* Which flags the DSM knows: offset in TDISP_CAPABILITIES */
#define CAPS_LOCK_FLAGS	20
#define CAPS_LEN	28
/* NO_FW_UPDATE, LOCK_MSIX, ALL_REQUEST_REDIRECT */
#define LOCK_STRICTEST	0x15

static int lock_flags = -1;
module_param(lock_flags, int, 0644);
MODULE_PARM_DESC(lock_flags, "FLAGS of LOCK_INTERFACE_REQUEST, -1: the strictest the device has");
static ulong mmio_offset;
module_param(mmio_offset, ulong, 0644);
MODULE_PARM_DESC(mmio_offset, "MMIO_REPORTING_OFFSET of LOCK_INTERFACE_REQUEST");

static struct devsec *of_spdm(struct spdm *s)
{
	return container_of(s, struct devsec, spdm);
}

static int transfer(struct spdm *s, const void *req, size_t len, void *rsp, size_t max)
{
	struct devsec *d = of_spdm(s);

	if (!d->mb)
		return -ENXIO;
	return pci_doe(d->mb, PCI_VENDOR_ID_PCI_SIG, PCI_DOE_FEATURE_CMA, req, len, rsp, max);
}

static u16 rid(const struct devsec *d)
{
	return pci_dev_id(d->pdev);
}

static int demand(struct devsec *d, int state)
{
	int rc = tdisp_state(&d->spdm, rid(d));

	if (rc < 0)
		return rc;
	return rc == state ? 0 : -EIO;
}

static int stop(struct devsec *d)
{
	int rc = tdisp_ask(&d->spdm, rid(d), TDISP_STOP, NULL, 0, NULL, 0);

	return rc < 0 ? rc : demand(d, TDI_CONFIG_UNLOCKED);
}

static void forget(struct devsec *d)
{
	for (int i = 0; i < EVIDENCE_TYPES; i++)
		spdm_blob_free(&d->evidence.object[i]);
	d->evidence = (struct devsec_evidence) { };
	spdm_blob_free(&d->spdm.vca);
	memzero_explicit(d->nonce, sizeof(d->nonce));
	d->has_nonce = false;
	d->locked = false;
	d->accepted = false;
}

/* Replaces the measurements; those there were stay when that fails */
static int measure(struct devsec *d, const u8 *nonce)
{
	struct devsec_evidence *e = &d->evidence;
	struct spdm_blob fresh = { };
	int rc = spdm_measure(&d->spdm, e->slot, nonce, &fresh);

	if (rc) {
		spdm_blob_free(&fresh);
		return rc;
	}
	spdm_blob_free(&e->object[EVIDENCE_MEASUREMENTS]);
	e->object[EVIDENCE_MEASUREMENTS] = fresh;
	e->count++;
	return 0;
}

/* Connection and certificates: what does not depend on the lock */
static int authenticate(struct devsec *d)
{
	struct devsec_evidence *e = &d->evidence;
	int rc, slots;

	rc = spdm_open(&d->spdm);
	if (rc)
		return rc;
	rc = spdm_blob_add(&e->object[EVIDENCE_VCA], d->spdm.vca.data, d->spdm.vca.len);
	if (rc)
		return rc;
	slots = spdm_slots(&d->spdm);
	if (slots < 0)
		return slots;
	e->slot = __ffs(slots);
	for (int i = 0; i < SPDM_SLOTS; i++) {
		if (!(slots & BIT(i)))
			continue;
		rc = spdm_chain(&d->spdm, i, &e->object[EVIDENCE_CERT0 + i]);
		if (rc)
			return rc;
	}
	return 0;
}

static int choose_flags(struct devsec *d)
{
	u8 caps[CAPS_LEN], tsm_caps[4] = { };
	int rc;

	rc = tdisp_ask(&d->spdm, rid(d), TDISP_CAPS, tsm_caps, sizeof(tsm_caps), caps, sizeof(caps));
	if (rc < 0)
		return rc;
	if (rc < CAPS_LEN)
		return -EPROTO;
	if (lock_flags >= 0)
		return lock_flags;
	return get_unaligned_le16(caps + CAPS_LOCK_FLAGS) & LOCK_STRICTEST;
}

/* A TDI that somebody left locked, or in ERROR, is stopped first */
static int ready(struct devsec *d)
{
	u8 versions[8];
	int rc;

	rc = tdisp_ask(&d->spdm, rid(d), TDISP_VERSION, NULL, 0, versions, sizeof(versions));
	if (rc < 0)
		return rc;
	rc = tdisp_state(&d->spdm, rid(d));
	if (rc < 0)
		return rc;
	return rc == TDI_CONFIG_UNLOCKED ? 0 : stop(d);
}

static int lock_interface(struct devsec *d)
{
	u8 req[20] = { };
	int rc;

	rc = ready(d);
	if (rc)
		return rc;
	rc = choose_flags(d);
	if (rc < 0)
		return rc;
	put_unaligned_le16(rc, req);
	put_unaligned_le64(mmio_offset, req + 4);
	rc = tdisp_ask(&d->spdm, rid(d), TDISP_LOCK, req, sizeof(req), d->nonce, sizeof(d->nonce));
	if (rc < 0)
		return rc;
	if (rc != sizeof(d->nonce))
		return -EPROTO;
	d->has_nonce = true;
	return demand(d, TDI_CONFIG_LOCKED);
}

/**
 * devsec_tdi_lock - CONFIG_UNLOCKED to CONFIG_LOCKED, with everything that can
 *		     be known of the device then
 * @d: the function, not locked
 */
int devsec_tdi_lock(struct devsec *d)
{
	u8 nonce[SPDM_NONCE_SIZE];
	int rc;

	d->spdm.pdev = d->dsm;
	d->spdm.transfer = transfer;
	rc = authenticate(d);
	if (rc)
		goto out_forget;
	rc = lock_interface(d);
	if (rc)
		goto out_stop;
	rc = tdisp_report(&d->spdm, rid(d), &d->evidence.object[EVIDENCE_REPORT]);
	if (rc)
		goto out_stop;
	get_random_bytes(nonce, sizeof(nonce));
	rc = measure(d, nonce);
	if (rc)
		goto out_stop;
	d->evidence.generation = 1;
	d->locked = true;
	return 0;
out_stop:
	stop(d);
out_forget:
	forget(d);
	return rc;
}

/**
 * devsec_tdi_start - CONFIG_LOCKED to RUN
 * @d: a locked function
 *
 * The nonce of the lock serves once, whether the DSM takes it or not. A TDI that
 * was started has to be in RUN still.
 */
int devsec_tdi_start(struct devsec *d)
{
	int rc;

	if (d->accepted)
		return demand(d, TDI_RUN);
	if (!d->has_nonce)
		return -EIO;
	d->has_nonce = false;
	rc = tdisp_ask(&d->spdm, rid(d), TDISP_START, d->nonce, sizeof(d->nonce), NULL, 0);
	if (rc < 0)
		return rc;
	rc = demand(d, TDI_RUN);
	if (rc)
		return rc;
	d->accepted = true;
	return 0;
}

/**
 * devsec_tdi_stop - any state to CONFIG_UNLOCKED
 * @d: a locked function
 *
 * A device that does not obey is left as it is: unlocking cannot fail.
 */
void devsec_tdi_stop(struct devsec *d)
{
	if (d->mb && stop(d))
		pci_warn(d->pdev, "tsmtest: does not stop\n");
	forget(d);
}

/**
 * devsec_tdi_measure - new measurements in place of those there are
 * @d: a locked function
 * @nonce: cut, or filled up with zeros, to what SPDM has
 * @len: bytes of it
 */
int devsec_tdi_measure(struct devsec *d, const u8 *nonce, size_t len)
{
	u8 whole[SPDM_NONCE_SIZE] = { };

	memcpy(whole, nonce, min(len, sizeof(whole)));
	return measure(d, whole);
}
