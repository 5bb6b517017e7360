// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config space of a PCIe endpoint (PCI Express Base 5.0, chapter 7): type 0 header, power
 * management, MSI-X and PCI Express capabilities. QEMU owns BAR values, the capability list's next
 * pointers and the MSI-X state; the rest of what a guest reads and writes comes here.
 */
#include "vfio-user/vfu.h"

#include <linux/pci_regs.h>
#include <string.h>

enum {
	CAP_PM = 0x40,
	CAP_MSIX = 0x50,
	CAP_EXP = 0x60,
	MSIX_BAR = 2,
	REVISION = 1,
	LINK_SPEED = PCI_EXP_LNKCAP_SLS_8_0GB,
	LINK_WIDTH = 4, /* lanes */
	CFG_BYTE_FLR = CAP_EXP + PCI_EXP_DEVCTL + 1, /* the byte that holds Initiate FLR */
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void init_header(struct espnic_vfu_pci *pci)
{
	uint8_t *c = pci->cfg;

	put16(c + PCI_VENDOR_ID, ESPNIC_PCI_VENDOR);
	put16(c + PCI_DEVICE_ID, ESPNIC_PCI_DEVICE);
	put16(c + PCI_STATUS, PCI_STATUS_CAP_LIST);
	put32(c + PCI_CLASS_REVISION, (uint32_t)ESPNIC_PCI_CLASS << 8 | REVISION);
	/* Type bits alone: the client sizes and places BARs by itself. */
	put32(c + PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put32(c + PCI_BASE_ADDRESS_0 + 4 * MSIX_BAR, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put16(c + PCI_SUBSYSTEM_VENDOR_ID, ESPNIC_PCI_VENDOR);
	put16(c + PCI_SUBSYSTEM_ID, ESPNIC_PCI_DEVICE);
	c[PCI_CAPABILITY_LIST] = CAP_PM;

	put16(pci->wmask + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
						PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
						PCI_COMMAND_INTX_DISABLE);
	pci->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	pci->wmask[PCI_INTERRUPT_LINE] = 0xff;
}

static void init_pm(struct espnic_vfu_pci *pci)
{
	uint8_t *c = pci->cfg + CAP_PM;

	c[0] = PCI_CAP_ID_PM;
	c[PCI_CAP_LIST_NEXT] = CAP_MSIX;
	/* Version 3: no D1, D2, PME. No_Soft_Reset stays 0: D3hot to D0 resets. */
	put16(c + PCI_PM_PMC, 3);
	/*
	 * PCI_PM_CTRL's power state is not masked: writes of D1 and D2 must be refused as a
	 * whole.
	 */
}

static void init_msix(struct espnic_vfu_pci *pci)
{
	uint8_t *c = pci->cfg + CAP_MSIX;

	c[0] = PCI_CAP_ID_MSIX;
	c[PCI_CAP_LIST_NEXT] = CAP_EXP;
	put16(c + PCI_MSIX_FLAGS, pci->vectors - 1);
	put32(c + PCI_MSIX_TABLE, ESPNIC_MSIX_TABLE_OFFSET | MSIX_BAR);
	put32(c + PCI_MSIX_PBA, ESPNIC_MSIX_PBA_OFFSET | MSIX_BAR);
	put16(pci->wmask + CAP_MSIX + PCI_MSIX_FLAGS,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
}

static void init_exp(struct espnic_vfu_pci *pci)
{
	uint8_t *c = pci->cfg + CAP_EXP;
	uint8_t *w = pci->wmask + CAP_EXP;

	c[0] = PCI_CAP_ID_EXP;
	put16(c + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put32(c + PCI_EXP_DEVCAP,
	      PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	put16(c + PCI_EXP_DEVCTL,
	      PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B);
	put32(c + PCI_EXP_LNKCAP, LINK_SPEED | LINK_WIDTH << 4);
	put16(c + PCI_EXP_LNKSTA, LINK_SPEED | LINK_WIDTH << PCI_EXP_LNKSTA_NLW_SHIFT);
	put32(c + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS);
	put32(c + PCI_EXP_LNKCAP2,
	      PCI_EXP_LNKCAP2_SLS_2_5GB | PCI_EXP_LNKCAP2_SLS_5_0GB | PCI_EXP_LNKCAP2_SLS_8_0GB);
	put16(c + PCI_EXP_LNKCTL2, LINK_SPEED);

	/* Initiate FLR (bit 15) always reads zero. */
	put16(w + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
					  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN |
					  PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_NOSNOOP_EN |
					  PCI_EXP_DEVCTL_READRQ);
	put16(w + PCI_EXP_LNKCTL,
	      PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
	put16(w + PCI_EXP_DEVCTL2, PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
	put16(w + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
}

void espnic_vfu_pci_init(struct espnic_vfu_pci *pci, unsigned int vectors)
{
	pci->vectors = vectors;
	espnic_vfu_pci_reset(pci);
}

void espnic_vfu_pci_reset(struct espnic_vfu_pci *pci)
{
	memset(pci->cfg, 0, sizeof(pci->cfg));
	memset(pci->wmask, 0, sizeof(pci->wmask));
	init_header(pci);
	init_pm(pci);
	init_msix(pci);
	init_exp(pci);
}

void espnic_vfu_pci_read(const struct espnic_vfu_pci *pci, uint32_t off, void *buf, uint32_t count)
{
	memcpy(buf, pci->cfg + off, count);
}

bool espnic_vfu_pci_d0(const struct espnic_vfu_pci *pci)
{
	return !(pci->cfg[CAP_PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK);
}

bool espnic_vfu_pci_master(const struct espnic_vfu_pci *pci)
{
	return espnic_vfu_pci_d0(pci) && (get16(pci->cfg + PCI_COMMAND) & PCI_COMMAND_MASTER);
}

/* A write of the power state. True when it takes the function from D3hot to D0. */
static bool set_power(struct espnic_vfu_pci *pci, uint8_t state)
{
	uint8_t *ctrl = &pci->cfg[CAP_PM + PCI_PM_CTRL];
	bool was_d0 = espnic_vfu_pci_d0(pci);

	/*
	 * D1 and D2 are not supported: such a write is completed and changes nothing (PM 1.2,
	 * 3.2.4).
	 */
	if (state != 0 && state != PCI_PM_CTRL_STATE_MASK)
		return false;
	*ctrl = (uint8_t)((*ctrl & ~PCI_PM_CTRL_STATE_MASK) | state);
	return !was_d0 && state == 0;
}

enum espnic_vfu_pci_effect espnic_vfu_pci_write(struct espnic_vfu_pci *pci, uint32_t off,
						const void *buf, uint32_t count)
{
	const uint8_t *in = buf;
	bool master = espnic_vfu_pci_master(pci);
	bool reset = false;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = off + i;

		pci->cfg[at] =
			(uint8_t)((pci->cfg[at] & ~pci->wmask[at]) | (in[i] & pci->wmask[at]));
		if (at == CFG_BYTE_FLR && (in[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			reset = true;
		if (at == CAP_PM + PCI_PM_CTRL && set_power(pci, in[i] & PCI_PM_CTRL_STATE_MASK))
			reset = true;
	}
	if (reset)
		return ESPNIC_VFU_PCI_RESET;
	return master != espnic_vfu_pci_master(pci) ? ESPNIC_VFU_PCI_MASTER : ESPNIC_VFU_PCI_NONE;
}
