// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"

namespace floof::config {

namespace {

constexpr size_t kKeyBytes = 32, kIdBytes = 4, kCheckBytes = 8;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::string_view kFileHead = "floof-box-key-1 ";
constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr const char* kKeyRemedy = "free space on the disk, or check its permissions";

using Bytes = std::basic_string<unsigned char>;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string to_base64(const Bytes& bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), kForm), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), kForm);
  out.resize(out.size() - 1);  // its terminator
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out(text.size(), 0);
  size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end, kForm);
  if (failed != 0 || end != text.data() + text.size()) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

/// BLAKE2b; `key` may be empty.
Bytes digest(const Bytes& content, size_t size, const Bytes& key = {}) {
  Bytes out(size, 0);
  std::array<unsigned char, crypto_generichash_BYTES_MAX> full{};
  crypto_generichash(full.data(), full.size(), content.data(), content.size(), key.empty() ? nullptr : key.data(),
                     key.size());
  std::copy_n(full.begin(), size, out.begin());
  return out;
}

std::string file_text(const Bytes& key) {
  return fmt::format("{}{} {}\n", kFileHead, to_base64(key), to_base64(digest(key, kCheckBytes)));
}

/// The key in the content of a key file, or nothing.
std::optional<Bytes> key_of(std::string_view text) {
  const size_t blank = text.find(' ', kFileHead.size());
  if (!text.starts_with(kFileHead) || blank == std::string_view::npos) {
    return std::nullopt;
  }
  auto key = from_base64(text.substr(kFileHead.size(), blank - kFileHead.size()));
  return key && key->size() == kKeyBytes && file_text(*key) == text ? key : std::nullopt;
}

/// Nothing when there is no such file.
Result<std::optional<std::string>> read_key(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) {
    return std::optional<std::string>();
  }
  char buffer[4096];
  const ssize_t count = fd ? ::read(fd.get(), buffer, sizeof buffer) : -1;
  if (count < 0) {
    return errno_error(file, "reading the router's key", "check its permissions");
  }
  struct stat about {};
  if (fstat(fd.get(), &about) == 0 && (about.st_mode & 0077) != 0) {
    log::warning("{}: others could read the router's key; its mode is 0600 again", file);
    fchmod(fd.get(), 0600);
  }
  return std::optional(std::string(buffer, static_cast<size_t>(count)));
}

Result<> write_file(const std::string& file, const std::string& text) {
  if (auto written = replace_file(file, text, {"writing the router's key", kKeyRemedy, true}); !written) {
    return written;
  }
  const UniqueFd folder(::open(file.substr(0, file.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) {
    return errno_error(file, "writing the router's key", kKeyRemedy);
  }
  return {};
}

}  // namespace

struct SecretBox::Key {
  Bytes cipher, nonce, id;
  explicit Key(const Bytes& master)
      : cipher(digest(bytes_of("cipher"), kKeyBytes, master)),
        nonce(digest(bytes_of("nonce"), kKeyBytes, master)),
        id(digest(bytes_of("id"), kIdBytes, master)) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() {
    sodium_memzero(cipher.data(), cipher.size());
    sodium_memzero(nonce.data(), nonce.size());
  }
};

Result<SecretBox> SecretBox::load(const std::string& file) {
  if (sodium_init() < 0) {
    return Error{file, "libsodium finds no source of random numbers", "see whether getrandom(2) works here"};
  }
  const auto text = read_key(file);
  if (!text) {
    return text.error();
  }
  if (*text) {
    if (const auto known = key_of(**text)) {
      return SecretBox(std::make_shared<const Key>(*known), "");
    }
  }
  std::string damage;
  if (*text) {
    damage = fmt::format(
        "{} is damaged: it was set aside as box.key.damaged and a new key made. Secrets that the old key sealed cannot "
        "be read; put a copy of the old file back and restart floofd, or set these secrets again",
        file);
    rename(file.c_str(), (file + ".damaged").c_str());
  }
  Bytes master(kKeyBytes, 0);
  randombytes_buf(master.data(), master.size());  // getrandom(2)
  if (const auto written = write_file(file, file_text(master)); !written) {
    return written.error();
  }
  auto key = std::make_shared<const Key>(master);
  sodium_memzero(master.data(), master.size());
  return SecretBox(std::move(key), std::move(damage));
}

SecretCodec SecretBox::codec() const {
  return {[box = *this](std::string_view clear) { return box.seal(clear); },
          [box = *this](std::string_view sealed) { return box.open(sealed); }};
}

std::string SecretBox::seal(std::string_view clear) const {
  const Bytes content = bytes_of(clear);
  const Bytes nonce = digest(content, kNonceBytes, key_->nonce);
  Bytes cipher(content.size() + kTagBytes, 0);
  crypto_aead_xchacha20poly1305_ietf_encrypt(cipher.data(), nullptr, content.data(), content.size(), key_->id.data(),
                                             key_->id.size(), nullptr, nonce.data(), key_->cipher.data());
  return std::string(kSealedPrefix) + to_base64(key_->id + nonce + cipher);
}

Result<std::string> SecretBox::open(std::string_view sealed) const {
  const Error damaged{"", "the encrypted text is damaged", "copy it whole, or give the secret itself"};
  const auto all = sealed.starts_with(kSealedPrefix) ? from_base64(sealed.substr(kSealedPrefix.size())) : std::nullopt;
  if (!all || all->size() < kIdBytes + kNonceBytes + kTagBytes) {
    return damaged;
  }
  if (all->compare(0, kIdBytes, key_->id) != 0) {
    return Error{"", "the text was encrypted with the key of another router", "give the secret itself"};
  }
  const unsigned char* nonce = all->data() + kIdBytes;
  const unsigned char* cipher = nonce + kNonceBytes;
  const size_t size = all->size() - kIdBytes - kNonceBytes;
  std::string out(size - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr, cipher,
                                                 size, all->data(), kIdBytes, nonce, key_->cipher.data()) != 0) {
    return damaged;
  }
  return out;
}

}  // namespace floof::config
