/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of tsmtest_devsec know of each other */
#ifndef TSMTEST_DEVSEC_H
#define TSMTEST_DEVSEC_H

#include <linux/list.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/rwsem.h>
#include "tsmtest_spdm.h"

/* Objects of evidence, by their numbers in the family; 0 to 7 are certificate slots */
enum evidence_type {
	EVIDENCE_CERT0,
	EVIDENCE_VCA = EVIDENCE_CERT0 + SPDM_SLOTS,
	EVIDENCE_MEASUREMENTS,
	EVIDENCE_REPORT,
	EVIDENCE_TYPES,
};

/**
 * struct devsec_evidence - what is known of a locked function
 * @object: by type; an empty one is absent
 * @slot: whose key signs measurements
 * @generation: which state of the objects this is, never 0
 * @validated: the generation that user space says it has verified, or 0
 * @count: how often the device was measured since the lock
 */
struct devsec_evidence {
	struct spdm_blob object[EVIDENCE_TYPES];
	u8 slot;
	u32 generation;
	u32 validated;
	u64 count;
};

/**
 * struct devsec - a function that can be locked
 * @node: in the list of all of them
 * @pdev: the function, held by a reference
 * @dsm: function 0 of its device, which has the mailbox; held by a reference
 * @mb: the mailbox, NULL when @dsm is gone
 * @spdm: what is said through it
 * @tsm: the context of the lock. It is kept outside of pci_dev::tsm: the core
 *	 of 7.3 takes a context it finds there for one of a link TSM when the
 *	 device or the TSM goes away
 * @nonce: of the lock, for START; good for one attempt
 * @has_nonce: it is still good
 * @locked: there is a context
 * @accepted: START has succeeded
 * @evidence: of a locked function
 */
struct devsec {
	struct list_head node;
	struct pci_dev *pdev;
	struct pci_dev *dsm;
	struct pci_doe_mb *mb;
	struct spdm spdm;
	struct pci_tsm tsm;
	u8 nonce[TDISP_NONCE_SIZE];
	bool has_nonce;
	bool locked;
	bool accepted;
	struct devsec_evidence evidence;
};

/* The list of functions and everything in them; taken before device locks */
extern struct rw_semaphore devsec_rwsem;

struct devsec *devsec_find(const struct pci_dev *pdev);
struct devsec *devsec_find_name(const char *name);

/* devsec_tdi.c: what the platform's TSM does with the device */
int devsec_tdi_lock(struct devsec *d);
int devsec_tdi_start(struct devsec *d);
void devsec_tdi_stop(struct devsec *d);
int devsec_tdi_measure(struct devsec *d, const u8 *nonce, size_t len);

/* devsec_evidence.c: the generic netlink family */
int devsec_evidence_register(void);
void devsec_evidence_unregister(void);

#endif
