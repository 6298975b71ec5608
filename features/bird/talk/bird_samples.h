// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers of BIRD 2.0.12, byte for byte, from a router with the peers upstream-a (BIRD), un (FRR, unnumbered), down and
// off. Private to the tests.
#pragma once

#include <string_view>

namespace floof::bird::samples {

constexpr std::string_view status = R"reply(1000-BIRD 2.0.12
1011-Router ID is 198.51.100.1
 Hostname is edge1
 Current server time is 2026-11-22 21:32:29.912
 Last reboot on 2026-11-22 21:29:18.088
 Last reconfiguration on 2026-11-22 21:29:18.088
0013 Daemon is up and running
)reply";

constexpr std::string_view protocols = R"reply(2002-Name       Proto      Table      State  Since         Info
1002-floof_device Device     ---        up     2026-11-22 21:29:18.088  
 floof_connected Direct     ---        up     2026-11-22 21:29:18.088  
 floof_table4 Kernel     master4    up     2026-11-22 21:29:18.088  
 floof_table6 Kernel     master6    up     2026-11-22 21:29:18.088  
 floof_static4 Static     master4    up     2026-11-22 21:29:18.088  
 floof_originated4 Static     master4    up     2026-11-22 21:29:18.088  
 floof_originated6 Static     master6    up     2026-11-22 21:29:18.088  
 bgp_down   BGP        ---        start  2026-11-22 21:29:18.088  Connect       Socket: No route to host
 bgp_off    BGP        ---        down   2026-11-22 21:29:18.088  
 bgp_un     BGP        ---        start  2026-11-22 21:29:18.088  Passive       
 bgp_upstream-a BGP        ---        up     2026-11-22 21:29:19.032  Established   
 floof_advertisements RAdv       master6    up     2026-11-22 21:29:18.088  
 floof_ospf2 OSPF       master4    up     2026-11-22 21:29:18.088  Running
 floof_feed_best BGP        ---        start  2026-11-22 21:29:18.088  Passive       
 floof_feed_all BGP        ---        start  2026-11-22 21:29:18.088  Passive       
 bgp_un_u1  BGP        ---        up     2026-11-22 21:30:30.180  Established   
0000 
)reply";

constexpr std::string_view all_protocols = R"reply(2002-Name       Proto      Table      State  Since         Info
1002-bgp_down   BGP        ---        start  2026-11-22 21:29:18.088  Connect       Socket: No route to host
1006-  Description:    peer down
   BGP state:          Connect
     Neighbor address: 192.0.2.77
     Neighbor AS:      64777
     Local AS:         65000
     Last error:       Socket: No route to host
   Channel ipv4
     State:          DOWN
     Table:          master4
     Preference:     100
     Input filter:   REJECT
     Output filter:  REJECT
 
1002-bgp_off    BGP        ---        down   2026-11-22 21:29:18.088  
1006-  Description:    peer off
   BGP state:          Down
     Neighbor address: 192.0.2.78
     Neighbor AS:      64777
     Local AS:         65000
   Channel ipv4
     State:          DOWN
     Table:          master4
     Preference:     100
     Input filter:   REJECT
     Output filter:  REJECT
 
1002-bgp_un     BGP        ---        start  2026-11-22 21:29:18.088  Passive       
1006-  Description:    peer un
   BGP state:          Passive
     Neighbor range:   fe80::/10
     Neighbor AS:      64502
     Local AS:         65000
   Channel ipv4
     State:          DOWN
     Table:          master4
     Preference:     100
     Input filter:   import_from_un
     Output filter:  export_to_un
   Channel ipv6
     State:          DOWN
     Table:          master6
     Preference:     100
     Input filter:   import_from_un
     Output filter:  export_to_un
 
1002-bgp_upstream-a BGP        ---        up     2026-11-22 21:29:19.032  Established   
1006-  Description:    peer upstream-a
   BGP state:          Established
     Neighbor address: 192.0.2.2
     Neighbor AS:      64501
     Local AS:         65000
     Neighbor ID:      192.0.2.2
     Local capabilities
       Multiprotocol
         AF announced: ipv4 ipv6
       Route refresh
       Graceful restart
         Restart time: 120
         AF supported: ipv4 ipv6
         AF preserved:
       4-octet AS numbers
       Enhanced refresh
       Long-lived graceful restart
     Neighbor capabilities
       Multiprotocol
         AF announced: ipv4 ipv6
       Route refresh
       Graceful restart
         Restart time: 120
         AF supported: ipv4 ipv6
         AF preserved:
       4-octet AS numbers
       Enhanced refresh
       Long-lived graceful restart
     Session:          external AS4
     Source address:   192.0.2.1
     Hold timer:       133.186/240
     Keepalive timer:  39.073/80
   Channel ipv4
     State:          UP
     Table:          master4
     Preference:     100
     Input filter:   import_from_upstream-a
     Output filter:  export_to_upstream-a
     Routes:         4 imported, 0 filtered, 1 exported, 2 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              4          0          0          0          4
       Import withdraws:            0          0        ---          0          0
       Export updates:             15          3         11        ---          1
       Export withdraws:            0        ---        ---        ---          0
     BGP Next hop:   192.0.2.1
   Channel ipv6
     State:          UP
     Table:          master6
     Preference:     100
     Input filter:   import_from_upstream-a
     Output filter:  export_to_upstream-a
     Routes:         1 imported, 0 filtered, 1 exported, 1 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              1          0          0          0          1
       Import withdraws:            0          0        ---          0          0
       Export updates:              4          1          2        ---          1
       Export withdraws:            0        ---        ---        ---          0
     BGP Next hop:   2001:db8::1 fe80::ff:fe00:10
 
1002-bgp_un_u1  BGP        ---        up     2026-11-22 21:30:30.180  Established   
1006-  Description:    peer un
   BGP state:          Established
     Neighbor address: fe80::ff:fe00:21%e1
     Neighbor AS:      64502
     Local AS:         65000
     Neighbor ID:      192.0.3.2
     Local capabilities
       Multiprotocol
         AF announced: ipv4 ipv6
       Route refresh
       Extended next hop
         IPv6 nexthop: ipv4
       Graceful restart
         Restart time: 120
         AF supported: ipv4 ipv6
         AF preserved:
       4-octet AS numbers
       Enhanced refresh
       Long-lived graceful restart
     Neighbor capabilities
       Multiprotocol
         AF announced: ipv4 ipv6
       Route refresh
       Extended next hop
         IPv6 nexthop: ipv4
       Extended message
       Graceful restart
       4-octet AS numbers
       ADD-PATH
         RX: ipv4 ipv6
         TX:
       Enhanced refresh
       Long-lived graceful restart
         LL stale time: 0
         AF supported:
         AF preserved: ipv4 ipv6
       Hostname: f
     Session:          external AS4
     Source address:   fe80::ff:fe00:11
     Hold timer:       4.156/9
     Keepalive timer:  1.168/3
   Channel ipv4
     State:          UP
     Table:          master4
     Preference:     100
     Input filter:   import_from_un
     Output filter:  export_to_un
     Routes:         1 imported, 0 filtered, 1 exported, 1 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              1          0          0          0          1
       Import withdraws:            1          0        ---          1          0
       Export updates:             14          1         12        ---          1
       Export withdraws:            0        ---        ---        ---          0
     BGP Next hop:   :: fe80::ff:fe00:11
   Channel ipv6
     State:          UP
     Table:          master6
     Preference:     100
     Input filter:   import_from_un
     Output filter:  export_to_un
     Routes:         1 imported, 0 filtered, 1 exported, 1 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              1          0          0          0          1
       Import withdraws:            1          0        ---          1          0
       Export updates:              4          1          2        ---          1
       Export withdraws:            0        ---        ---        ---          0
     BGP Next hop:   :: fe80::ff:fe00:11
 
0000 
)reply";

constexpr std::string_view routes = R"reply(1007-Table master4:
 0.0.0.0/0            unicast [floof_static4 2026-11-22 21:29:18.088] * (200)
 	via 192.0.2.2 on e0 weight 1
 	via 192.0.3.2 on e1 weight 1
1008-	Type: static univ
1007-198.51.100.0/24      blackhole [floof_originated4 2026-11-22 21:29:18.088] * (110)
1008-	Type: static univ
1007-10.3.0.0/16          prohibited [floof_static4 2026-11-22 21:29:18.088] * (3)
1008-	Type: static univ
1007-192.0.2.0/24         unicast [floof_connected 2026-11-22 21:29:18.089] * (240)
 	dev e0
1008-	Type: device univ
1007-                     unicast [floof_ospf2 2026-11-22 21:29:18.189] I (150/10) [198.51.100.1]
 	dev e0
1008-	Type: OSPF univ
1012-	OSPF.metric1: 10
 	OSPF.router_id: 198.51.100.1
1007-                     unicast [bgp_upstream-a 2026-11-22 21:29:19.091] (100) [AS64501i]
 	via 192.0.2.2 on e0
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64501
 	BGP.next_hop: 192.0.2.2
 	BGP.local_pref: 130
 	floof_peer: 3972202434
 	floof_direct: 1
1007-192.0.3.0/24         unicast [floof_connected 2026-11-22 21:29:18.089] * (240)
 	dev e1
1008-	Type: device univ
1007-10.4.0.0/16          unicast [floof_static4 2026-11-22 21:29:18.088] * (200)
 	via 192.0.2.2 on e0
1008-	Type: static univ
1007-10.1.0.0/16          blackhole [floof_static4 2026-11-22 21:29:18.088] * (200)
1008-	Type: static univ
1007-10.2.0.0/16          unreachable [floof_static4 2026-11-22 21:29:18.088] * (200)
1008-	Type: static univ
1007-10.0.0.0/8           unicast [floof_static4 2026-11-22 21:29:18.088] * (150)
 	via 192.0.2.2 on e0
1008-	Type: static univ
1007-10.7.0.0/16          unicast [floof_static4 2026-11-22 21:29:18.088] * (200)
 	via fe80::21 on e1
1008-	Type: static univ
1007-203.0.115.1/32       blackhole [bgp_upstream-a 2026-11-22 21:29:19.139 from 192.0.2.2] * (100) [AS64501i]
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64501
 	BGP.next_hop: 192.0.2.2
 	BGP.local_pref: 130
 	BGP.community: (65535,666)
 	floof_peer: 3972202434
 	floof_direct: 1
1007-198.18.0.0/24        unicast [bgp_un_u1 2026-11-22 21:30:31.238] * (100) [AS64502i]
 	via fe80::ff:fe00:21 on e1
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64502
 	BGP.next_hop: :: fe80::ff:fe00:21
 	BGP.med: 0
 	BGP.local_pref: 130
 	floof_peer: 1631795802
 	floof_direct: 1
1007-203.0.113.0/24       unicast [bgp_upstream-a 2026-11-22 21:29:19.139] * (100) [AS64999i]
 	via 192.0.2.2 on e0
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64501 64999
 	BGP.next_hop: 192.0.2.2
 	BGP.local_pref: 130
 	BGP.community: (64501,7)
 	BGP.ext_community: (rt, 10, 20)
 	BGP.large_community: (64501, 7, 8)
 	floof_peer: 3972202434
 	floof_direct: 1
1007-203.0.114.0/24       unicast [floof_ospf2 2026-11-22 21:29:29.189] * E2 (150/10/10000) [192.0.2.2]
 	via 192.0.2.2 on e0
1008-	Type: OSPF-E2 univ
1012-	OSPF.metric1: 10
 	OSPF.metric2: 10000
 	OSPF.tag: 0x00000000
 	OSPF.router_id: 192.0.2.2
1007-                     unicast [bgp_upstream-a 2026-11-22 21:29:19.091] (100) [AS64501i]
 	via 192.0.2.2 on e0
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64501
 	BGP.next_hop: 192.0.2.2
 	BGP.local_pref: 130
 	floof_peer: 3972202434
 	floof_direct: 1
1007-
 Table master6:
 2001:db8:100::/48    blackhole [floof_originated6 2026-11-22 21:29:18.088] * (110)
1008-	Type: static univ
1007-2001:db8:18::/48     unicast [bgp_un_u1 2026-11-22 21:30:31.238] * (100) [AS64502i]
 	via fe80::ff:fe00:21 on e1
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64502
 	BGP.next_hop: :: fe80::ff:fe00:21
 	BGP.med: 0
 	BGP.local_pref: 130
 	floof_peer: 1631795802
 	floof_direct: 1
1007-2001:db8:5::/48      unicast [bgp_upstream-a 2026-11-22 21:29:19.139 from 192.0.2.2] * (100) [AS64501i]
 	via 2001:db8::2 on e0
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 64501
 	BGP.next_hop: 2001:db8::2 fe80::ff:fe00:20
 	BGP.local_pref: 130
 	floof_peer: 3972202434
 	floof_direct: 1
1007-2001:db8::/64        unicast [floof_connected 2026-11-22 21:29:18.089] * (240)
 	dev e0
1008-	Type: device univ
0000 
)reply";

constexpr std::string_view bfd = R"reply(1020-floof_bfd:
 IP address                Interface  State      Since         Interval  Timeout
 172.30.0.3                d0         Down       2026-11-23 11:03:10.954    1.000    0.000
 172.30.0.2                d0         Up         2026-11-23 11:03:11.708    0.300    0.900
 fe80::2                   d0         Down       2026-11-23 11:03:10.954    1.000    0.000
 172.30.9.3                ---        Down       2026-11-23 11:03:10.954    1.000    0.000
0000 
)reply";

constexpr std::string_view limited = R"reply(2002-Name       Proto      Table      State  Since         Info
1002-bgp_p      BGP        ---        down   2026-11-23 06:27:54.276  Automatic shutdown: Route limit exceeded
1006-  Message:        works on the fibre
   BGP state:          Down
     Neighbor address: 127.0.0.2
     Neighbor AS:      65001
     Local AS:         65000
     Local capabilities
       Role: peer
     Neighbor capabilities
       Role: peer
     Last error:       Automatic shutdown: Route limit exceeded
   Channel ipv4
     State:          DOWN
     Table:          master4
     Preference:     100
     Input filter:   imp
     Output filter:  ACCEPT
     Receive limit:  100
       Action:       warn
     Import limit:   3 [HIT]
       Action:       disable
     IGP IPv4 table: master4
   Channel ipv6
     State:          DOWN
     Export limit:   50
       Action:       block
 
1002-r1         RPKI       ---        up     2026-11-23 06:27:50.724  Established
1006-  Cache server:     127.0.0.9
   Cache port:       3323
   Status:           Established
   Transport:        Unprotected over TCP
   Protocol version: 1
   Session ID:       31337
   Serial number:    42
   Last update:      before 3.015 s
   Refresh timer   : 27.5/30
   Retry timer     : ---
   Expire timer    : 597/600
   Channel roa4
     State:          UP
     Routes:         7 imported, 0 exported, 7 preferred
   Channel roa6
     State:          UP
     Routes:         2 imported, 0 exported, 2 preferred
 
0000 
)reply";

constexpr std::string_view import_table = R"reply(1007-Table import:
 203.0.113.0/24       unreachable [bgp_p 06:27:51.582 from 127.0.0.2] * (100) [AS64999i]
1008-	Type: BGP univ
1012-	BGP.origin: IGP
 	BGP.as_path: 65001 64999
 	BGP.next_hop: 127.0.0.2
 	BGP.local_pref: 100
 	BGP.community: (1,2)
 	BGP.ext_community: (rt, 10, 20)
 	BGP.large_community: (64500, 7, 8) (65000, 1101, 3)
 	BGP.otc: 65001
0000 
)reply";

constexpr std::string_view count = R"reply(1007-17 of 17 routes for 14 networks in table master4
 3 of 3 routes for 3 networks in table master6
0014 Total: 20 of 20 routes for 17 networks in 2 tables
)reply";

constexpr std::string_view refused = R"reply(0002-Reading configuration from /run/floof/main/bird.conf
8002 /run/floof/main/bird.conf:20:10 syntax error, unexpected CF_SYM_UNDEFINED
)reply";

}  // namespace floof::bird::samples
