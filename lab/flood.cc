// SPDX-License-Identifier: GPL-3.0-or-later
//
// The generator of the bench: floods a device with small UDP packets until SIGTERM.
//   floof-flood DEVICE DESTINATION_MAC    to 192.168.0.0 to 192.168.0.63 in turn at random, 60 bytes without the FCS
// An XDP program that the kernel runs over and over on frames of its own (BPF_F_TEST_XDP_LIVE_FRAMES) sends them by the
// device: without socket buffers and calls a core makes more packets than another can forward. The other end of the
// device, a veth, must have an XDP program too, or its kernel takes no such frames.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace {

constexpr uint32_t kBatch = 64;
constexpr int kRepeat = 1 << 30;  ///< packets of one call, minutes: between calls the kernel pauses. A signal ends it
constexpr int kIdLow = 19;        ///< offsets in the frame: low bytes of the IPv4 identification and destination
constexpr int kDestinationLow = 33;
constexpr int kDestinations = 64;

volatile std::sig_atomic_t stop = 0;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::array<uint8_t, 60> make_frame(const ether_addr& to) {
  std::array<uint8_t, 60> frame = {0,    0,  0, 0,  0,    0,    2, 0,
                                   0,    0,  0, 1,  0x08, 0x00,  // Ethernet
                                   0x45, 0,  0, 46, 0,    0,    0, 0,
                                   64,   17, 0, 0,                                     // IPv4, UDP
                                   10,   1,  0, 2,  192,  168,  0, kDestinations - 1,  //
                                   0x10, 0,  0, 9,  0,    26};                         // UDP without a checksum
  std::copy_n(to.ether_addr_octet, 6, frame.begin());
  uint32_t sum = 0;
  for (size_t i = 14; i < 34; i += 2) {
    sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
  }
  sum = ~((sum & 0xffff) + (sum >> 16));
  frame[24] = static_cast<uint8_t>(sum >> 8);
  frame[25] = static_cast<uint8_t>(sum);
  return frame;
}

/// Draws a destination, takes as much off the identification, so that the checksum stays right, and sends.
int load(int device) {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_get_prandom_u32},
      {.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = kDestinations - 1},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 5, .src_reg = 0, .off = 0, .imm = kDestinations - 1},
      {.code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = 5, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 6, .off = offsetof(xdp_md, data), .imm = 0},
      {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 3, .src_reg = 6, .off = offsetof(xdp_md, data_end), .imm = 0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 2, .off = 0, .imm = 0},
      {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .src_reg = 0, .off = 0, .imm = kDestinationLow + 1},
      {.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 2, .imm = 0},
      {.code = BPF_STX | BPF_MEM | BPF_B, .dst_reg = 2, .src_reg = 0, .off = kDestinationLow, .imm = 0},
      {.code = BPF_STX | BPF_MEM | BPF_B, .dst_reg = 2, .src_reg = 5, .off = kIdLow, .imm = 0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .src_reg = 0, .off = 0, .imm = device},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_redirect},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  };
  return bpf_prog_load(BPF_PROG_TYPE_XDP, "floof_flood", "GPL", program, std::size(program), nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  const ether_addr* to = argc == 3 ? ether_aton(argv[2]) : nullptr;
  if (to == nullptr) {
    std::fprintf(stderr, "usage: floof-flood DEVICE DESTINATION_MAC\n");
    return 2;
  }
  const int device = static_cast<int>(if_nametoindex(argv[1]));
  const int program = device > 0 ? load(device) : -1;
  if (program < 0) {
    fail(argv[1]);
  }
  const auto frame = make_frame(*to);
  struct sigaction action {};
  action.sa_handler = [](int) { stop = 1; };
  sigaction(SIGTERM, &action, nullptr);
  std::puts("ready");
  std::fflush(stdout);
  while (stop == 0) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = frame.size(), .repeat = kRepeat,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = kBatch);
    if (bpf_prog_test_run_opts(program, &options) != 0 && errno != EINTR) {
      fail("sending");
    }
  }
  return 0;
}
