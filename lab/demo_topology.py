# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the demo and of the end-to-end tests.

    h1 -- r1 -- t1 (bird2, AS 64501) --+
    h3 --  |                           +-- LAN with h2
           +--- t2 (FRR,   AS 64502) --+

h1 and h3 hang on r1 by `tap` ports, t1 and t2 by `host` ports (veth). t1 and t2 share h2's LAN and an eBGP session on it,
so that h2's packets find their way when one of the links to r1 is cut.
"""

LOOP4, LOOP6 = "10.255.0.1", "2001:db8:ff::1"
H1, H2, H3 = "10.1.0.2", "10.2.0.10", "10.3.0.2"
H1_6, H2_6, H3_6 = "2001:db8:1::2", "2001:db8:2::10", "2001:db8:3::2"
LAN, LAN6 = "10.2.0.0/24", "2001:db8:2::/64"


def build(lab):
    """Makes hosts, links and neighbours; the router is booted by the caller."""
    for name in ("h1", "h2", "h3"):
        lab.host(name)
    lab.router("r1")
    lab.bird("t1")
    lab.frr("t2")
    lab.link(lab.r1, "to-t1", lab.t1, "eth0")
    lab.link(lab.r1, "to-t2", lab.t2, "eth0")
    lan(lab)
    start_t1(lab.t1)
    start_t2(lab.t2)


def lan(lab):
    lab.h2.run("ip", "link", "add", "lan", "type", "bridge")
    for number, router in ((1, lab.t1), (2, lab.t2)):
        lab.link(lab.h2, f"port{number}", router, "lan", checksum_offload=True)
        lab.h2.run("ip", "link", "set", f"port{number}", "master", "lan")
        router.address("lan", f"10.2.0.{number}/24", f"2001:db8:2::{number}/64")
    lab.h2.address("lan", f"{H2}/24", f"{H2_6}/64")
    lab.h2.route("default", "10.2.0.1")
    lab.h2.route("default", "2001:db8:2::1")
    for host in (lab.h2, lab.t1, lab.t2):
        host.sysctl("ipv4/conf/all/send_redirects", 0)
        host.sysctl("ipv4/conf/all/accept_redirects", 0)
        host.sysctl("ipv6/conf/all/accept_redirects", 0)


T1_CONFIG = """
router id 10.255.0.11;
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "lan"; }
protocol kernel { ipv4 { import none; export all; }; }
protocol kernel { ipv6 { import none; export all; }; }
filter lan_only { if source = RTS_DEVICE then accept; if source = RTS_STATIC then accept; if source = RTS_BGP then accept; reject; }
protocol bgp r1 {
  local 172.16.1.2 as 64501; neighbor 172.16.1.1 as 65000; graceful restart on;
  ipv4 { import all; export filter lan_only; next hop self; };
}
protocol bgp r1_6 {
  local 2001:db8:11::2 as 64501; neighbor 2001:db8:11::1 as 65000; graceful restart on;
  ipv6 { import all; export filter lan_only; next hop self; };
}
protocol bgp t2 { local 10.2.0.1 as 64501; neighbor 10.2.0.2 as 64502; graceful restart on;
  ipv4 { import all; export all; }; }
protocol bgp t2_6 { local 2001:db8:2::1 as 64501; neighbor 2001:db8:2::2 as 64502; graceful restart on;
  ipv6 { import all; export all; }; }
"""


def start_t1(t1):
    t1.address("eth0", "172.16.1.2/24", "2001:db8:11::2/64")
    t1.configure(T1_CONFIG)
    t1.boot()


T2_CONFIG = """
hostname t2
log stdout
router bgp 64502
 bgp router-id 10.255.0.12
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 timers bgp 3 9
 neighbor 172.16.2.1 remote-as 65000
 neighbor 172.16.2.1 timers connect 1
 neighbor 2001:db8:12::1 remote-as 65000
 neighbor 2001:db8:12::1 timers connect 1
 neighbor 10.2.0.1 remote-as 64501
 neighbor 10.2.0.1 timers connect 1
 neighbor 2001:db8:2::1 remote-as 64501
 neighbor 2001:db8:2::1 timers connect 1
 address-family ipv4 unicast
  network 10.2.0.0/24
  no neighbor 2001:db8:12::1 activate
  no neighbor 2001:db8:2::1 activate
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:2::/64
  neighbor 2001:db8:12::1 activate
  neighbor 2001:db8:2::1 activate
 exit-address-family
"""


def start_t2(t2):
    t2.address("eth0", "172.16.2.2/24", "2001:db8:12::2/64")
    t2.configure(T2_CONFIG)
    t2.boot()


def interfaces_config(lab):
    """Interfaces of r1 as set lines."""
    return f"""
set system hostname r1
set interface e1 device tap eth0
set interface e1 device netns {lab.h1.netns}
set interface e1 address 10.1.0.1/24
set interface e1 address 2001:db8:1::1/64
set interface e3 device tap eth0
set interface e3 device netns {lab.h3.netns}
set interface e3 address 10.3.0.1/24
set interface e3 address 2001:db8:3::1/64
set interface up1 device host to-t1
set interface up1 address 172.16.1.1/24
set interface up1 address 2001:db8:11::1/64
set interface up2 device host to-t2
set interface up2 address 172.16.2.1/24
set interface up2 address 2001:db8:12::1/64
set interface loop0 address {LOOP4}/32
set interface loop0 address {LOOP6}/128
"""


BGP_CONFIG = f"""
set bgp asn 65000
set bgp router-id {LOOP4}
set bgp policy transit import accept all
set bgp policy transit import trust
set bgp policy transit import local-pref 200
set bgp policy backup import accept all
set bgp policy backup import trust
set bgp policy backup import local-pref 100
set bgp policy transit export accept originated
set bgp policy backup export accept originated
set bgp prefix 10.1.0.0/24
set bgp prefix 10.3.0.0/24
set bgp prefix {LOOP4}/32
set bgp prefix 2001:db8:1::/64
set bgp prefix 2001:db8:3::/64
set bgp prefix {LOOP6}/128
set bgp peer t1 neighbor 172.16.1.2
set bgp peer t1 remote-as 64501
set bgp peer t1 policy transit
set bgp peer t1-v6 neighbor 2001:db8:11::2
set bgp peer t1-v6 remote-as 64501
set bgp peer t1-v6 policy transit
set bgp peer t2 neighbor 172.16.2.2
set bgp peer t2 remote-as 64502
set bgp peer t2 policy backup
set bgp peer t2-v6 neighbor 2001:db8:12::2
set bgp peer t2-v6 remote-as 64502
set bgp peer t2-v6 policy backup
"""


def attach_hosts(lab):
    """Addresses of h1 and h3 on the kernel ends of r1's TAPs, once r1 has made them."""
    from lab.hosts import wait_for
    for host, number in ((lab.h1, 1), (lab.h3, 3)):
        wait_for(f"{host.name} has its TAP", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
        host.address("eth0", f"10.{number}.0.2/24", f"2001:db8:{number}::2/64")
        host.route("default", f"10.{number}.0.1")
        host.route("default", f"2001:db8:{number}::1")
