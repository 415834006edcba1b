// SPDX-License-Identifier: GPL-2.0
/*
 * tsmtest_spdm - SPDM 1.2 and TDISP 1.0 requests for the TSMs of the tests
 *
 * DOE pads every message to four bytes, and pci_doe() returns the padded length.
 * What is signed is the message without its padding, so the length of a response
 * is worked out from its own fields.
 *
 * One suite is offered: ECDSA P-384, SHA-384, and for a session nobody opens
 * secp384r1 with AES-256-GCM.
 *
 * No parameters.
 */
#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "tsmtest_spdm.h"

#define SPDM_1_0		0x10	/* of GET_VERSION */
#define SPDM_1_2		0x12

/* Request codes; the response to each has bit 7 clear */
#define SPDM_GET_DIGESTS	0x81
#define SPDM_GET_CERT		0x82
#define SPDM_GET_VERSION	0x84
#define SPDM_GET_MEAS		0xe0
#define SPDM_GET_CAPS		0xe1
#define SPDM_NEG_ALGS		0xe3
#define SPDM_VENDOR		0xfe
#define SPDM_RESPONSE(code)	((code) & 0x7f)
#define SPDM_ERROR		0x7f

#define SPDM_HDR		4
#define SPDM_HASH_SIZE		48
#define SPDM_SIG_SIZE		96
#define SPDM_PORTION		1024
#define SPDM_OBJECT_MAX		0xffff	/* offsets are 16 bits wide */

#define ALG_ECDSA_P384		0x80
#define ALG_SHA384		0x02

/* VENDOR_DEFINED header: standards body 3 (PCI-SIG), vendor 1, protocol 1 (TDISP) */
#define VDM_STANDARD		3
#define VDM_VENDOR		1
#define VDM_PROTOCOL		1
#define VDM_HDR			12

#define TDISP_1_0		0x10
#define TDISP_ERROR		0x7f
#define TDISP_HDR		16	/* version, code, 2 reserved, 12 of INTERFACE_ID */

int spdm_blob_add(struct spdm_blob *b, const void *data, size_t len)
{
	size_t need = b->len + len;

	if (need > b->room) {
		size_t room = PAGE_ALIGN(need);
		u8 *more = kvrealloc(b->data, room, GFP_KERNEL);

		if (!more)
			return -ENOMEM;
		b->data = more;
		b->room = room;
	}
	memcpy(b->data + b->len, data, len);
	b->len = need;
	return 0;
}
EXPORT_SYMBOL_GPL(spdm_blob_add);

void spdm_blob_free(struct spdm_blob *b)
{
	kvfree(b->data);
	*b = (struct spdm_blob) { };
}
EXPORT_SYMBOL_GPL(spdm_blob_free);

/* Length of a signed MEASUREMENTS of which @got bytes are there */
static int measurements_len(const u8 *rsp, int got)
{
	int at = 8;

	if (got < at)
		return -EPROTO;
	at += rsp[5] | rsp[6] << 8 | rsp[7] << 16;	/* MeasurementRecordLength */
	at += SPDM_NONCE_SIZE;
	if (got < at + 2)
		return -EPROTO;
	return at + 2 + get_unaligned_le16(rsp + at) + SPDM_SIG_SIZE;
}

/* Length of a response without the padding of DOE, or an errno */
static int true_len(const u8 *rsp, int got)
{
	int len;

	if (got < SPDM_HDR)
		return -EPROTO;
	switch (rsp[1]) {
	case SPDM_ERROR:
		return SPDM_HDR;
	case SPDM_RESPONSE(SPDM_GET_VERSION):
		len = got < 6 ? got + 1 : 6 + 2 * rsp[5];
		break;
	case SPDM_RESPONSE(SPDM_GET_CAPS):
		len = 20;
		break;
	case SPDM_RESPONSE(SPDM_NEG_ALGS):
		len = got < 6 ? got + 1 : get_unaligned_le16(rsp + 4);
		break;
	case SPDM_RESPONSE(SPDM_GET_DIGESTS):
		len = SPDM_HDR + SPDM_HASH_SIZE * hweight8(rsp[3]);
		break;
	case SPDM_RESPONSE(SPDM_GET_CERT):
		len = got < 8 ? got + 1 : 8 + get_unaligned_le16(rsp + 4);
		break;
	case SPDM_RESPONSE(SPDM_GET_MEAS):
		len = measurements_len(rsp, got);
		break;
	case SPDM_RESPONSE(SPDM_VENDOR):
		len = got < VDM_HDR ? got + 1 : 11 + get_unaligned_le16(rsp + 9);
		break;
	default:
		return -EPROTO;
	}
	return len > got ? -EPROTO : len;
}

static int spdm_log(struct spdm *s, const void *data, int len)
{
	__le32 le = cpu_to_le32(len);
	int rc = spdm_blob_add(s->log, &le, sizeof(le));

	return rc ?: spdm_blob_add(s->log, data, len);
}

/* One exchange: returns the length of the response, which is in @s->rsp */
static int spdm_ask(struct spdm *s, const void *req, size_t len)
{
	u8 code = ((const u8 *)req)[1], version = ((const u8 *)req)[0];
	int rc, got;

	got = s->transfer(s, req, len, s->rsp, sizeof(s->rsp));
	if (got < 0)
		return got;
	got = true_len(s->rsp, got);
	if (got < 0)
		return got;
	if (s->log) {
		rc = spdm_log(s, req, len) ?: spdm_log(s, s->rsp, got);
		if (rc)
			return rc;
	}
	if (s->rsp[1] == SPDM_ERROR)
		pci_warn(s->pdev, "tsmtest: SPDM ERROR %#x for request %#x\n", s->rsp[2], code);
	if (s->rsp[1] != SPDM_RESPONSE(code) || s->rsp[0] != version)
		return -EPROTO;
	return got;
}

static int vca_ask(struct spdm *s, const void *req, size_t len)
{
	int rc, got;

	got = spdm_ask(s, req, len);
	if (got < 0)
		return got;
	rc = spdm_blob_add(&s->vca, req, len);
	if (rc)
		return rc;
	rc = spdm_blob_add(&s->vca, s->rsp, got);
	return rc ?: got;
}

static bool offers(const struct spdm *s, u8 version)
{
	for (int i = 0; i < s->rsp[5]; i++)
		if (s->rsp[6 + 2 * i + 1] == version)
			return true;
	return false;
}

/**
 * spdm_open - make a connection: version, capabilities, algorithms
 * @s: the connection; an earlier one ends
 *
 * Returns 0 or an errno: EPROTO for a device that does not speak SPDM 1.2 with
 * the suite that is offered.
 */
int spdm_open(struct spdm *s)
{
	static const u8 version[] = { SPDM_1_0, SPDM_GET_VERSION, 0, 0 };
	/* CERT, ENCRYPT, MAC, KEY_EX and CHUNK; CTExponent 20 */
	static const u8 caps[20] = {
		SPDM_1_2, SPDM_GET_CAPS, [5] = 20, [8] = 0xc2, 0x02, 0x02,
		[13] = SPDM_MSG_MAX >> 8, [17] = SPDM_MSG_MAX >> 8,
	};
	/* DMTF measurements, opaque data format 1; DHE, AEAD and key schedule */
	static const u8 algs[44] = {
		SPDM_1_2, SPDM_NEG_ALGS, 3, [4] = 44, [6] = 1, 2,
		[8] = ALG_ECDSA_P384, [12] = ALG_SHA384, [32] = 2, 0x20, 0x10, 0,
		3, 0x20, 0x02, 0, 5, 0x20, 0x01, 0,
	};
	int rc;

	spdm_blob_free(&s->vca);
	rc = vca_ask(s, version, sizeof(version));
	if (rc < 0)
		return rc;
	if (!offers(s, SPDM_1_2))
		return -EPROTO;
	rc = vca_ask(s, caps, sizeof(caps));
	if (rc < 0)
		return rc;
	rc = vca_ask(s, algs, sizeof(algs));
	if (rc < 0)
		return rc;
	if (rc < 20 || get_unaligned_le32(s->rsp + 12) != ALG_ECDSA_P384 ||
	    get_unaligned_le32(s->rsp + 16) != ALG_SHA384)
		return -EPROTO;
	return 0;
}
EXPORT_SYMBOL_GPL(spdm_open);

/**
 * spdm_slots - ask which slots hold a certificate chain
 * @s: the connection
 *
 * Returns a mask, never an empty one, or an errno.
 */
int spdm_slots(struct spdm *s)
{
	static const u8 req[] = { SPDM_1_2, SPDM_GET_DIGESTS, 0, 0 };
	int rc = spdm_ask(s, req, sizeof(req));

	if (rc < 0)
		return rc;
	return s->rsp[3] ?: -EPROTO;
}
EXPORT_SYMBOL_GPL(spdm_slots);

/**
 * spdm_chain - read the certificate chain of a slot
 * @s: the connection
 * @slot: a provisioned slot
 * @chain: takes the chain as SPDM has it, header and root hash included
 */
int spdm_chain(struct spdm *s, u8 slot, struct spdm_blob *chain)
{
	u8 req[8] = { SPDM_1_2, SPDM_GET_CERT, slot };
	int rc, len, left;

	do {
		put_unaligned_le16(chain->len, req + 4);
		put_unaligned_le16(SPDM_PORTION, req + 6);
		rc = spdm_ask(s, req, sizeof(req));
		if (rc < 0)
			return rc;
		len = get_unaligned_le16(s->rsp + 4);
		left = get_unaligned_le16(s->rsp + 6);
		if (!len || chain->len + len + left > SPDM_OBJECT_MAX)
			return -EPROTO;
		rc = spdm_blob_add(chain, s->rsp + 8, len);
		if (rc)
			return rc;
	} while (left);
	return 0;
}
EXPORT_SYMBOL_GPL(spdm_chain);

/**
 * spdm_measure - have the device measure itself
 * @s: the connection
 * @slot: whose key signs
 * @nonce: SPDM_NONCE_SIZE bytes
 * @out: takes request and signed response; with the VCA this is what is signed
 */
int spdm_measure(struct spdm *s, u8 slot, const u8 *nonce, struct spdm_blob *out)
{
	u8 req[5 + SPDM_NONCE_SIZE] = { SPDM_1_2, SPDM_GET_MEAS, 1, 0xff };
	int rc, got;

	memcpy(req + SPDM_HDR, nonce, SPDM_NONCE_SIZE);
	req[SPDM_HDR + SPDM_NONCE_SIZE] = slot;
	got = spdm_ask(s, req, sizeof(req));
	if (got < 0)
		return got;
	rc = spdm_blob_add(out, req, sizeof(req));
	return rc ?: spdm_blob_add(out, s->rsp, got);
}
EXPORT_SYMBOL_GPL(spdm_measure);

/**
 * tdisp_ask - one TDISP request about one interface
 * @s: the connection
 * @rid: requester ID of the function, which is its FUNCTION_ID
 * @type: request code
 * @body: what follows the header of the request
 * @len: bytes of it
 * @out: takes what follows the header of the response, or NULL
 * @max: room for it
 *
 * Returns the length of the response's body, EIO when the device refuses, or
 * another errno.
 */
int tdisp_ask(struct spdm *s, u16 rid, u8 type, const void *body, size_t len, void *out, size_t max)
{
	u8 req[VDM_HDR + TDISP_HDR + 64] = {
		SPDM_1_2, SPDM_VENDOR, [4] = VDM_STANDARD, [6] = 2, VDM_VENDOR,
		[11] = VDM_PROTOCOL, [12] = TDISP_1_0, type,
	};
	const u8 *rsp = s->rsp + VDM_HDR;
	int rc;

	if (WARN_ON(VDM_HDR + TDISP_HDR + len > sizeof(req)))
		return -EINVAL;
	put_unaligned_le16(1 + TDISP_HDR + len, req + 9);
	put_unaligned_le32(rid, req + 16);	/* segment not valid */
	if (len)
		memcpy(req + VDM_HDR + TDISP_HDR, body, len);
	rc = spdm_ask(s, req, VDM_HDR + TDISP_HDR + len);
	if (rc < 0)
		return rc;
	rc -= VDM_HDR + TDISP_HDR;
	if (rc < 0 || memcmp(s->rsp + 4, req + 4, 5) || s->rsp[11] != VDM_PROTOCOL ||
	    memcmp(rsp + 4, req + 16, 12))
		return -EPROTO;
	if (rsp[1] == TDISP_ERROR) {
		pci_warn(s->pdev, "tsmtest: TDISP ERROR %#x for request %#x about %#x\n",
			 rc < 4 ? 0 : get_unaligned_le32(rsp + TDISP_HDR), type, rid);
		return -EIO;
	}
	if (rsp[1] != SPDM_RESPONSE(type))
		return -EPROTO;
	if (out)
		memcpy(out, rsp + TDISP_HDR, min_t(size_t, rc, max));
	return rc;
}
EXPORT_SYMBOL_GPL(tdisp_ask);

/**
 * tdisp_state - ask the state of an interface
 * @s: the connection
 * @rid: of the function
 *
 * Returns one of TDI_CONFIG_UNLOCKED to TDI_ERROR, or an errno.
 */
int tdisp_state(struct spdm *s, u16 rid)
{
	u8 state;
	int rc = tdisp_ask(s, rid, TDISP_STATE, NULL, 0, &state, sizeof(state));

	if (rc < 0)
		return rc;
	return rc == sizeof(state) ? state : -EPROTO;
}
EXPORT_SYMBOL_GPL(tdisp_state);

/**
 * tdisp_report - read the report of a locked interface
 * @s: the connection
 * @rid: of the function
 * @report: takes it
 */
int tdisp_report(struct spdm *s, u16 rid, struct spdm_blob *report)
{
	u8 *buf __free(kfree) = kmalloc(SPDM_MSG_MAX, GFP_KERNEL), req[4];
	int rc, len, left;

	if (!buf)
		return -ENOMEM;
	do {
		put_unaligned_le16(report->len, req);
		put_unaligned_le16(SPDM_PORTION, req + 2);
		rc = tdisp_ask(s, rid, TDISP_REPORT, req, sizeof(req), buf, SPDM_MSG_MAX);
		if (rc < 0)
			return rc;
		if (rc < 4)
			return -EPROTO;
		len = get_unaligned_le16(buf);
		left = get_unaligned_le16(buf + 2);
		if (!len || 4 + len > rc || report->len + len + left > SPDM_OBJECT_MAX)
			return -EPROTO;
		rc = spdm_blob_add(report, buf + 4, len);
		if (rc)
			return rc;
	} while (left);
	return 0;
}
EXPORT_SYMBOL_GPL(tdisp_report);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("tsmctl tests: SPDM and TDISP requests over DOE");
