// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/context.h"

#include <libyang/libyang.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "config/tree/schema.h"

namespace floof::netconf {

namespace {

constexpr config::Module kProtocol[] = {
#include "netconf_modules.inc"
};

/// A module's file is named like it, those of features without "floof-".
std::string module_name(std::string_view file) {
  return file.starts_with("floof-") ? std::string(file) : "floof-" + std::string(file);
}

const char* text_of(std::string_view name) {
  for (const config::Module& module : kProtocol) {
    if (module.name == name) {
      return module.text;
    }
  }
  const auto ours = config::embedded_modules();
  const auto found = std::find_if(ours.begin(), ours.end(), [&](const auto& m) { return module_name(m.name) == name; });
  return found != ours.end() ? found->text : nullptr;
}

LY_ERR give_module(const char* name, const char*, const char* submodule, const char*, void*, LYS_INFORMAT* format,
                   const char** text, ly_module_imp_data_free_clb* free_text) {
  *text = submodule == nullptr ? text_of(name) : nullptr;
  *format = LYS_IN_YANG;
  *free_text = nullptr;
  return *text != nullptr ? LY_SUCCESS : LY_ENOTFOUND;
}

Result<> load(ly_ctx* context, const std::string& name, const char** features) {
  if (ly_ctx_load_module(context, name.c_str(), nullptr, features) != nullptr) {
    return {};
  }
  const char* message = ly_errmsg(context);
  return Error{name + ".yang", message != nullptr ? message : "not accepted by libyang", ""};
}

}  // namespace

void ContextFree::operator()(ly_ctx* context) const { ly_ctx_destroy(context); }

void own_get_schema(const ly_ctx* context) {
  const lysc_node* node = lys_find_path(context, nullptr, "/ietf-netconf-monitoring:get-schema", 0);
  if (node != nullptr) {
    const_cast<lysc_node*>(node)->priv = nullptr;  // where libnetconf2 keeps callbacks
  }
}

Result<Context> make_context() {
  ly_log_options(LY_LOSTORE_LAST);
  ly_ctx* made = nullptr;
  if (ly_ctx_new(nullptr, LY_CTX_DISABLE_SEARCHDIRS, &made) != LY_SUCCESS) {
    return Error{"libyang", "cannot make a context", ""};
  }
  Context context(made);
  ly_ctx_set_module_imp_clb(made, give_module, nullptr);
  const char* features[] = {"candidate", "confirmed-commit", "rollback-on-error", "validate", "xpath", nullptr};
  auto loaded = load(made, "ietf-netconf", features);
  if (loaded) {
    loaded = load(made, "ietf-netconf-monitoring", nullptr);
  }
  for (const config::Module& module : config::embedded_modules()) {
    if (loaded) {
      loaded = load(made, module_name(module.name), nullptr);
    }
  }
  if (!loaded) {
    return loaded.error();
  }
  return context;
}

}  // namespace floof::netconf
