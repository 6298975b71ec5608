// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ports/tap_steering.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/fd.h"

namespace floof::engine {
namespace {

// Registers of the program. Loads want the packet in r6, leave what they found in r0 and destroy r1 to r5. One that
// finds no byte ends the program with 0, which is the first queue.
constexpr uint8_t kLoaded = 0, kContext = 1, kPacket = 6, kSum = 7, kHeader = 8, kTransport = 9;
constexpr int32_t kPortsMultiplier = -2048144789;  ///< 0x85ebca6b and 0x9e3779b1: odd, of many bits
constexpr int32_t kMultiplier = -1640531535;

/// Instructions with jumps to labels further down.
class Program {
 public:
  enum Label : uint8_t { ip4, ip6, transport, icmp6, identifier, ports, spread, mix, kLabels };

  void put(int code, uint8_t to, uint8_t from, int32_t value, int16_t over = 0) {
    code_.push_back({static_cast<uint8_t>(code), to, from, over, value});
  }
  void copy(uint8_t to, uint8_t from) { put(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0); }
  void set(uint8_t to, int32_t value) { put(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, value); }
  void change(int operation, uint8_t to, int32_t value) { put(BPF_ALU | operation | BPF_K, to, 0, value); }
  void add(uint8_t to, uint8_t from) { put(BPF_ALU | BPF_ADD | BPF_X, to, from, 0); }
  /// `at` counts from the header.
  void load(int size, int32_t at) { put(BPF_LD | BPF_IND | size, 0, kHeader, at); }
  void add_word(int32_t at) {
    load(BPF_W, at);
    add(kSum, kLoaded);
  }
  void jump_if(int condition, uint8_t what, int32_t value, Label to) {
    jumps_.push_back({code_.size(), to});
    put(BPF_JMP | condition | BPF_K, what, 0, value);
  }
  void jump(Label to) {
    jumps_.push_back({code_.size(), to});
    put(BPF_JMP | BPF_JA, 0, 0, 0);
  }
  void leave() { put(BPF_JMP | BPF_EXIT, 0, 0, 0); }
  void here(Label label) { labels_[label] = code_.size(); }

  const std::vector<bpf_insn>& finish() {
    for (const auto& [at, to] : jumps_) {
      code_[at].off = static_cast<int16_t>(labels_[to] - at - 1);
    }
    return code_;
  }

 private:
  struct Jump {
    size_t at;
    Label to;
  };
  std::vector<bpf_insn> code_;
  std::vector<Jump> jumps_;
  std::array<size_t, kLabels> labels_{};
};

void add_ethernet(Program& program) {
  program.copy(kPacket, kContext);
  program.set(kSum, 0);
  program.set(kHeader, ETHER_HDR_LEN);
  program.load(BPF_H, -2);
  program.jump_if(BPF_JEQ, kLoaded, ETHERTYPE_IP, Program::ip4);
  program.jump_if(BPF_JEQ, kLoaded, ETHERTYPE_IPV6, Program::ip6);
  program.change(BPF_ADD, kHeader, 4);  // behind a VLAN tag
  program.load(BPF_H, -2);
  program.jump_if(BPF_JEQ, kLoaded, ETHERTYPE_IP, Program::ip4);
  program.jump_if(BPF_JEQ, kLoaded, ETHERTYPE_IPV6, Program::ip6);
  program.set(kLoaded, 0);
  program.leave();
}

void add_networks(Program& program) {
  program.here(Program::ip4);
  program.add_word(12);
  program.add_word(16);
  program.load(BPF_H, 6);
  program.change(BPF_AND, kLoaded, 0x3fff);  // "more fragments" and the offset
  program.jump_if(BPF_JNE, kLoaded, 0, Program::mix);
  program.load(BPF_B, 9);
  program.copy(kTransport, kLoaded);
  program.load(BPF_B, 0);
  program.change(BPF_AND, kLoaded, 15);
  program.change(BPF_LSH, kLoaded, 2);
  program.add(kHeader, kLoaded);
  program.jump(Program::transport);
  program.here(Program::ip6);
  for (int32_t at = 8; at < 40; at += 4) {
    program.add_word(at);
  }
  program.load(BPF_B, 6);
  program.copy(kTransport, kLoaded);
  program.change(BPF_ADD, kHeader, 40);
}

void add_ports(Program& program) {
  program.here(Program::transport);
  for (const int transport : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP}) {
    program.jump_if(BPF_JEQ, kTransport, transport, Program::ports);
  }
  program.jump_if(BPF_JEQ, kTransport, IPPROTO_ICMPV6, Program::icmp6);
  program.jump_if(BPF_JNE, kTransport, IPPROTO_ICMP, Program::mix);
  program.load(BPF_B, 0);
  program.jump_if(BPF_JEQ, kLoaded, ICMP_ECHO, Program::identifier);
  program.jump_if(BPF_JEQ, kLoaded, ICMP_ECHOREPLY, Program::identifier);
  program.jump(Program::mix);
  program.here(Program::icmp6);
  program.load(BPF_B, 0);
  program.change(BPF_AND, kLoaded, 0xfe);
  program.jump_if(BPF_JNE, kLoaded, ICMP6_ECHO_REQUEST, Program::mix);  // or its reply, 129
  program.here(Program::identifier);
  program.load(BPF_H, 4);
  program.copy(kTransport, kLoaded);
  program.jump(Program::spread);
  program.here(Program::ports);
  program.load(BPF_H, 0);
  program.copy(kTransport, kLoaded);
  program.load(BPF_H, 2);
  program.add(kTransport, kLoaded);
  program.here(Program::spread);
  program.change(BPF_MUL, kTransport, kPortsMultiplier);
  program.add(kSum, kTransport);
  program.here(Program::mix);
  program.change(BPF_MUL, kSum, kMultiplier);
  program.change(BPF_RSH, kSum, 16);
  program.copy(kLoaded, kSum);
  program.leave();  // the kernel takes it modulo the number of queues
}

}  // namespace

bool steer_by_hash(int tap_fd) {
  Program program;
  add_ethernet(program);
  add_networks(program);
  add_ports(program);
  const auto& code = program.finish();
  const UniqueFd loaded(
      bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "floof_steer", "GPL", code.data(), code.size(), nullptr));
  int fd = loaded.get();
  return fd >= 0 && ioctl(tap_fd, TUNSETSTEERINGEBPF, &fd) == 0;
}

}  // namespace floof::engine
