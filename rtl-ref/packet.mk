# SPDX-License-Identifier: BSD-2-Clause
# The packet side of the RTL engine: its generated records, and its benches, which run beside the C engine. From rtl.mk.

build/gen/espnic_records_pkg.sv: rtl-ref/data/records.yaml rtl-ref/records.py
	@mkdir -p $(@D)
	python3 rtl-ref/records.py $< --package $@
build/gen/espnic_rtl_records.h: rtl-ref/data/records.yaml rtl-ref/records.py
	@mkdir -p $(@D)
	python3 rtl-ref/records.py $< --header $@

# The C engine, and what lets a bench look into its SAs.
RTL_ORACLE := build/obj/plain/rtl-ref/dv/sa/oracle.o build/obj/plain/libespnic.a
RTL_ORACLE_NEEDS := $(RTL_ORACLE) $(wildcard rtl-ref/dv/sa/*.h)
RTL_ORACLE_LIBS := $(addprefix $(CURDIR)/,$(RTL_ORACLE)) $(ENGINE_LIBS) -ljson-c

define RTL_PACKET_BENCHES
$(call rtl_bench,seq_alloc,seq_alloc,espnic_seq_alloc,-GSas=4,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,replay,replay,espnic_replay,-GSas=4 -GWords=512,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,sa_cache,sa_cache,espnic_sa_cache,-GSas=64 -GSets=4 -GWays=2 -GBeatW=32 -GRecBeats=16 -GHeadBeats=3 -GBaseBeats=8)
$(call rtl_bench,ext_walk1,ext_walk,espnic_ext_walk,-GLanes=1 -GFirst=8\'d60 -CFLAGS -DLANES=1 -CFLAGS -DFIRST=60,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,ext_walk4,ext_walk,espnic_ext_walk,-GLanes=4 -GFirst=8\'d44 -CFLAGS -DLANES=4 -CFLAGS -DFIRST=44,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,udp_csum1,udp_csum,espnic_udp_csum,-GLanes=1 -CFLAGS -DLANES=1)
$(call rtl_bench,udp_csum4,udp_csum,espnic_udp_csum,-GLanes=4 -CFLAGS -DLANES=4)
$(call rtl_bench,ip_parse1,ip_parse,espnic_ip_parse,-GLanes=1 -CFLAGS -DLANES=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,ip_parse2,ip_parse,espnic_ip_parse,-GLanes=2 -CFLAGS -DLANES=2,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,ip_parse4,ip_parse,espnic_ip_parse,-GLanes=4 -CFLAGS -DLANES=4,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,protect1,protect,espnic_protect,-GLanes=1 -CFLAGS -DLANES=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,protect4,protect,espnic_protect,-GLanes=4 -CFLAGS -DLANES=4,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,unprotect1,unprotect,espnic_unprotect,-GLanes=1 -GWindowWords=2048 -CFLAGS -DLANES=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,unprotect4,unprotect,espnic_unprotect,-GLanes=4 -GWindowWords=2048 -CFLAGS -DLANES=4,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_out1,protect,espnic_esp_out,-GLanes=1 -CFLAGS -DLANES=1 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_out2,protect,espnic_esp_out,-GLanes=2 -CFLAGS -DLANES=2 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_out4,protect,espnic_esp_out,-GLanes=4 -CFLAGS -DLANES=4 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_in1,unprotect,espnic_esp_in,-GLanes=1 -GWindowWords=2048 -CFLAGS -DLANES=1 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_in2,unprotect,espnic_esp_in,-GLanes=2 -GWindowWords=2048 -CFLAGS -DLANES=2 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
$(call rtl_bench,esp_in4,unprotect,espnic_esp_in,-GLanes=4 -GWindowWords=2048 -CFLAGS -DLANES=4 -CFLAGS -DWHOLE=1,$(RTL_ORACLE_LIBS),$(RTL_ORACLE_NEEDS))
endef
$(eval $(RTL_PACKET_BENCHES))
