// SPDX-License-Identifier: GPL-2.0
/*
 * tsmtest_devsec - a guest's TSM with the proposed lock, accept and evidence ABI
 *
 * Linux 7.3 declares devsec operations but has no caller of them and no
 * attributes. This module registers a devsec TSM (a genuine tsmN), attaches
 *
 *   tsm/lock    rw  name of the TSM; CONFIG_UNLOCKED to CONFIG_LOCKED
 *   tsm/unlock  wo  name used for the lock; back to CONFIG_UNLOCKED
 *   tsm/accept  rw  boolean true; CONFIG_LOCKED to RUN
 *
 * to functions with an SPDM mailbox, pci_mode to tsmN, and answers the generic
 * netlink family device-evidence. Checks and their order are those of the
 * staging tree (drivers/pci/tsm/core.c).
 *
 * Parameters (r: fixed at load, rw: may change at any time):
 *
 *   funcs             r   comma separated DDDD:BB:DD.F; without it, every
 *                         endpoint function with the TEE bit
 *   abi               r   P2: everything; G1n: no family, no pci_mode, and a
 *                         second accept asks the device again
 *   validate          r   the family has its second command (P2 only)
 *   lock_flags        rw  FLAGS of LOCK_INTERFACE_REQUEST; -1: the strictest
 *                         flags the device offers
 *   mmio_offset       rw  MMIO_REPORTING_OFFSET of LOCK_INTERFACE_REQUEST
 *   require_validate  rw  accept is refused with EPERM until the present
 *                         generation of the evidence was validated
 *   refresh           rw  evidence can be refreshed with a nonce; if not,
 *                         a nonce is answered with EOPNOTSUPP
 *   chunk             rw  most bytes of an object in one message of a dump,
 *                         0: as many as fit
 *   count             rw  dumps tell how often the device was measured
 *   fault             rw  what goes wrong with the next dump, once: none, bump
 *                         (somebody refreshes after its first message), short
 *                         (it ends before the last object does), stale (the
 *                         nonce is not used) or length (the first object that
 *                         is not empty announces one byte too many)
 *
 * Not modelled: private MMIO and DMA, and resources of accepted devices.
 *
 * With tsmtest_link in one kernel both share the directory tsm/; a function
 * that a link TSM has connected cannot be locked. Load tsmtest_link first and
 * unload it last: the core removes the directory with all that is in it.
 */
#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tsm.h>
#include "devsec.h"

static char *funcs = "";
module_param(funcs, charp, 0444);
MODULE_PARM_DESC(funcs, "comma separated DDDD:BB:DD.F list of functions, empty: all with TEE");
static char *abi = "P2";
module_param(abi, charp, 0444);
MODULE_PARM_DESC(abi, "P2 or G1n");
static bool require_validate;
module_param(require_validate, bool, 0644);
MODULE_PARM_DESC(require_validate, "accept only what user space said it has verified");

DECLARE_RWSEM(devsec_rwsem);
static LIST_HEAD(devsecs);
static struct platform_device *platform;
static struct tsm_dev *tsm;
static bool is_p2;

struct devsec *devsec_find(const struct pci_dev *pdev)
{
	struct devsec *d;

	list_for_each_entry(d, &devsecs, node)
		if (d->pdev == pdev)
			return d;
	return NULL;
}

struct devsec *devsec_find_name(const char *name)
{
	struct devsec *d;

	list_for_each_entry(d, &devsecs, node)
		if (!strcmp(pci_name(d->pdev), name))
			return d;
	return NULL;
}

static struct pci_tsm *devsec_lock(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	struct devsec *d = devsec_find(pdev);
	int rc;

	rc = devsec_tdi_lock(d);
	if (rc)
		return ERR_PTR(rc);
	d->tsm.pdev = pdev;
	d->tsm.tsm_dev = tsm_dev;
	return &d->tsm;
}

static void devsec_unlock(struct pci_tsm *t)
{
	devsec_tdi_stop(container_of(t, struct devsec, tsm));
}

static struct pci_tsm_ops devsec_ops = {
	.devsec_ops = { .lock = devsec_lock, .unlock = devsec_unlock },
};

static ssize_t lock_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_read_intr, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_read_intr, &lock);
	if (rc)
		return rc;
	d = devsec_find(to_pci_dev(dev));
	if (!d || !d->locked)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%s\n", dev_name(&d->tsm.tsm_dev->dev));
}

static ssize_t lock_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t len)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_tsm *context;
	struct devsec *d;
	int rc, id;

	if (sscanf(buf, "tsm%d\n", &id) != 1)
		return -EINVAL;

	ACQUIRE(rwsem_write_kill, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (rc)
		return rc;
	d = devsec_find(pdev);
	if (!d)
		return -ENODEV;
	/* a context of a link TSM is one as well */
	if (d->locked || pdev->tsm)
		return -EBUSY;
	/* another TSM than this one can only be a link TSM */
	if (id != tsm->id)
		return -ENXIO;

	ACQUIRE(device_intr, dev_lock)(dev);
	rc = ACQUIRE_ERR(device_intr, &dev_lock);
	if (rc)
		return rc;
	if (dev->driver)
		return -EBUSY;
	context = devsec_ops.devsec_ops.lock(tsm, pdev);
	return IS_ERR(context) ? PTR_ERR(context) : len;
}
static DEVICE_ATTR_RW(lock);

static ssize_t unlock_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t len)
{
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_write_kill, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (rc)
		return rc;
	d = devsec_find(to_pci_dev(dev));
	if (!d || !d->locked)
		return -EINVAL;
	if (!sysfs_streq(buf, dev_name(&d->tsm.tsm_dev->dev)))
		return -EINVAL;

	ACQUIRE(device_intr, dev_lock)(dev);
	rc = ACQUIRE_ERR(device_intr, &dev_lock);
	if (rc)
		return rc;
	if (dev->driver)
		return -EBUSY;
	devsec_ops.devsec_ops.unlock(&d->tsm);
	return len;
}
static DEVICE_ATTR_WO(unlock);

static ssize_t accept_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct devsec *d;
	int rc;

	ACQUIRE(rwsem_read_intr, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_read_intr, &lock);
	if (rc)
		return rc;
	d = devsec_find(to_pci_dev(dev));
	return sysfs_emit(buf, "%d\n", d && d->accepted);
}

static ssize_t accept_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t len)
{
	struct devsec *d;
	bool accept;
	int rc;

	rc = kstrtobool(buf, &accept);
	if (rc)
		return rc;
	/* the only way out of RUN is to unlock */
	if (!accept)
		return -EINVAL;

	/* for write, as START uses the connection */
	ACQUIRE(rwsem_write_kill, lock)(&devsec_rwsem);
	rc = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (rc)
		return rc;
	d = devsec_find(to_pci_dev(dev));
	if (!d || !d->locked)
		return -EINVAL;

	ACQUIRE(device_intr, dev_lock)(dev);
	rc = ACQUIRE_ERR(device_intr, &dev_lock);
	if (rc)
		return rc;
	if (dev->driver)
		return -EBUSY;
	if (d->accepted && is_p2)
		return len;
	if (require_validate && d->evidence.validated != d->evidence.generation)
		return -EPERM;
	rc = devsec_tdi_start(d);
	return rc ?: len;
}
static DEVICE_ATTR_RW(accept);

static struct attribute *tsm_attrs[] = {
	&dev_attr_lock.attr,
	&dev_attr_unlock.attr,
	&dev_attr_accept.attr,
	NULL
};
static const struct attribute_group tsm_group = { .name = "tsm", .attrs = tsm_attrs };

static ssize_t pci_mode_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "devsec\n");
}
static DEVICE_ATTR_RO(pci_mode);

static bool has_file(struct kernfs_node *dir, const char *name)
{
	struct kernfs_node *kn = kernfs_find_and_get(dir, name);

	kernfs_put(kn);
	return kn;
}

static int show_attributes(struct pci_dev *pdev)
{
	int rc = sysfs_merge_group(&pdev->dev.kobj, &tsm_group);

	return rc == -ENOENT ? sysfs_create_group(&pdev->dev.kobj, &tsm_group) : rc;
}

/* What a link TSM has in the directory stays */
static void hide_attributes(struct pci_dev *pdev)
{
	struct kernfs_node *dir = kernfs_find_and_get(pdev->dev.kobj.sd, tsm_group.name);

	if (!dir)
		return;
	if (has_file(dir, "dsm"))
		sysfs_unmerge_group(&pdev->dev.kobj, &tsm_group);
	else
		sysfs_remove_group(&pdev->dev.kobj, &tsm_group);
	kernfs_put(dir);
}

static bool is_listed(const char *name)
{
	size_t len;

	for (const char *at = funcs; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (len == strlen(name) && !strncmp(at, name, len))
			return true;
	}
	return false;
}

static bool is_wanted(struct pci_dev *pdev)
{
	if (*funcs)
		return is_listed(pci_name(pdev));
	return pci_is_pcie(pdev) && pci_pcie_type(pdev) == PCI_EXP_TYPE_ENDPOINT &&
	       pdev->devcap & PCI_EXP_DEVCAP_TEE;
}

/* The function that speaks for @pdev: function 0 of the device, for virtual functions too */
static struct pci_dev *find_dsm(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);

	return pci_get_slot(pf->bus, PCI_DEVFN(PCI_SLOT(pf->devfn), 0));
}

static void free_devsec(struct devsec *d)
{
	pci_dev_put(d->dsm);
	pci_dev_put(d->pdev);
	kvfree(d);
}

static int attach(struct pci_dev *pdev)
{
	struct devsec *d = kvzalloc(sizeof(*d), GFP_KERNEL);
	int rc;

	if (!d)
		return -ENOMEM;
	d->pdev = pci_dev_get(pdev);
	d->dsm = find_dsm(pdev);
	if (d->dsm)
		d->mb = pci_find_doe_mailbox(d->dsm, PCI_VENDOR_ID_PCI_SIG, PCI_DOE_FEATURE_CMA);
	if (!d->mb) {
		free_devsec(d);
		return -ENODEV;
	}
	scoped_guard(rwsem_write, &devsec_rwsem)
		list_add_tail(&d->node, &devsecs);
	rc = show_attributes(pdev);
	if (rc) {
		scoped_guard(rwsem_write, &devsec_rwsem)
			list_del(&d->node);
		free_devsec(d);
	}
	return rc;
}

/* Files go before the lock is taken: their readers may be waiting for it */
static void detach(struct pci_dev *pdev)
{
	struct devsec *d;

	scoped_guard(rwsem_read, &devsec_rwsem)
		d = devsec_find(pdev);
	if (!d)
		return;
	hide_attributes(pdev);
	scoped_guard(rwsem_write, &devsec_rwsem) {
		if (d->locked)
			devsec_ops.devsec_ops.unlock(&d->tsm);
		list_del(&d->node);
	}
	free_devsec(d);
}

/* A device loses its DSM with function 0, whatever becomes of its other functions */
static void lose_dsm(struct pci_dev *pdev)
{
	struct devsec *d;

	guard(rwsem_write)(&devsec_rwsem);
	list_for_each_entry(d, &devsecs, node) {
		if (d->dsm != pdev)
			continue;
		if (d->locked)
			devsec_ops.devsec_ops.unlock(&d->tsm);
		d->mb = NULL;
	}
}

static int on_device(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	int rc;

	if (event == BUS_NOTIFY_ADD_DEVICE && is_wanted(pdev)) {
		rc = attach(pdev);
		if (rc)
			pci_warn(pdev, "tsmtest_devsec: cannot be locked: %pe\n", ERR_PTR(rc));
	}
	if (event == BUS_NOTIFY_DEL_DEVICE) {
		detach(pdev);
		lose_dsm(pdev);
	}
	return NOTIFY_OK;
}

static struct notifier_block device_notifier = { .notifier_call = on_device };

static void detach_all(void)
{
	struct devsec *d;

	while ((d = list_first_entry_or_null(&devsecs, struct devsec, node)))
		detach(d->pdev);
}

static int attach_all(void)
{
	struct pci_dev *pdev = NULL;
	int rc;

	for_each_pci_dev(pdev) {
		if (!is_wanted(pdev))
			continue;
		rc = attach(pdev);
		/* of those that were not asked for by name, some have no mailbox */
		if (rc && (*funcs || rc != -ENODEV)) {
			pci_err(pdev, "tsmtest_devsec: %pe\n", ERR_PTR(rc));
			pci_dev_put(pdev);
			return rc;
		}
	}
	return list_empty(&devsecs) ? -ENODEV : 0;
}

static int __init devsec_init(void)
{
	int rc;

	is_p2 = !strcmp(abi, "P2");
	if (!is_p2 && strcmp(abi, "G1n"))
		return -EINVAL;
	platform = platform_device_register_simple("tsmtest_devsec", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(platform))
		return PTR_ERR(platform);
	tsm = tsm_register(&platform->dev, &devsec_ops);
	if (IS_ERR(tsm)) {
		rc = PTR_ERR(tsm);
		goto out_platform;
	}
	if (is_p2) {
		rc = device_create_file(&tsm->dev, &dev_attr_pci_mode);
		if (rc)
			goto out_tsm;
		rc = devsec_evidence_register();
		if (rc)
			goto out_mode;
	}
	/* no device comes or goes between the two */
	pci_lock_rescan_remove();
	rc = attach_all();
	if (!rc)
		rc = bus_register_notifier(&pci_bus_type, &device_notifier);
	if (rc)
		detach_all();
	pci_unlock_rescan_remove();
	if (!rc)
		return 0;
	if (is_p2)
		devsec_evidence_unregister();
out_mode:
	if (is_p2)
		device_remove_file(&tsm->dev, &dev_attr_pci_mode);
out_tsm:
	tsm_unregister(tsm);
out_platform:
	platform_device_unregister(platform);
	return rc;
}

static void __exit devsec_exit(void)
{
	if (is_p2)
		devsec_evidence_unregister();
	pci_lock_rescan_remove();
	bus_unregister_notifier(&pci_bus_type, &device_notifier);
	detach_all();
	pci_unlock_rescan_remove();
	if (is_p2)
		device_remove_file(&tsm->dev, &dev_attr_pci_mode);
	tsm_unregister(tsm);
	platform_device_unregister(platform);
}

module_init(devsec_init);
module_exit(devsec_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("tsmctl tests: devsec TSM with lock, accept and evidence over real TDISP messages");
