// SPDX-License-Identifier: BSD-2-Clause
// Elaboration stops here when a structure of the package has not the size the C header asserts.
module espnic_regs_check
  import espnic_regs_pkg::*;
();
  if (!LAYOUT_OK) begin : gen_layout
    $error("espnic_regs_pkg: a structure differs in size from the C header");
  end
  if (TX_DESC_BITS != 256 || RX_CPL_BITS != 256) begin : gen_descriptors
    $error("espnic_regs_pkg: descriptors are 32 bytes");
  end
endmodule
