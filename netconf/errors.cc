// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/errors.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/tree/tree.h"

namespace floof::netconf {

std::string without_line(std::string_view path) {
  const std::string_view start = "line ";
  if (!path.starts_with(start)) {
    return std::string(path);
  }
  const size_t end = path.find_first_not_of("0123456789", start.size());
  if (end == std::string_view::npos || end == start.size()) {
    return end == start.size() ? std::string(path) : std::string();
  }
  return path.substr(end).starts_with(": ") ? std::string(path.substr(end + 2)) : std::string();
}

std::string instance_path(const config::Schema& schema, std::string_view words) {
  const auto split = config::split_words(words);
  if (!split || split->empty()) {
    return {};
  }
  const auto path = config::parse_path(schema, *split, config::PathMode::any);
  if (!path) {
    return {};
  }
  std::string module = config::module_of(schema.root());
  std::string out = fmt::format("/{}:{}", module, config::name_of(schema.root()));
  const auto quoted = [](const std::string& value) {
    return value.find('\'') == std::string::npos ? "'" + value + "'" : '"' + value + '"';
  };
  for (const config::Step& step : *path) {
    const std::string own = config::module_of(step.node);
    out += own == module ? "/" : fmt::format("/{}:", own);
    out += config::name_of(step.node);
    module = own;
    const auto keys = config::is_list(step.node) ? config::keys_of(step.node) : std::vector<config::Node>();
    for (size_t i = 0; i < std::min(keys.size(), step.keys.size()); i++) {
      out += fmt::format("[{}={}]", config::name_of(keys[i]), quoted(step.keys[i]));
    }
    if (config::is_leaf_list(step.node) && step.value) {
      out += fmt::format("[.={}]", quoted(*step.value));
    }
  }
  return out;
}

namespace {

void say(lyd_node* out, const config::Schema& schema, const Error& error) {
  const std::string words = without_line(error.path);
  nc_err_set_msg(out, Error{words, error.reason, error.remedy}.text().c_str(), "en");
  if (const std::string path = instance_path(schema, words); !path.empty()) {
    nc_err_set_path(out, path.c_str());
  }
}

}  // namespace

nc_server_reply* refuse(const ly_ctx* context, const config::Schema& schema, const Complaint& complaint) {
  const char* element = complaint.element.c_str();
  const char* what = complaint.what.c_str();
  lyd_node* out = nullptr;
  switch (complaint.kind) {
    case Complaint::Kind::unknown_attribute:
      out = nc_err(context, NC_ERR_UNKNOWN_ATTR, NC_ERR_TYPE_APP, what, element);
      break;
    case Complaint::Kind::bad_attribute:
      out = nc_err(context, NC_ERR_BAD_ATTR, NC_ERR_TYPE_APP, what, element);
      break;
    case Complaint::Kind::unknown_element:
      out = nc_err(context, NC_ERR_UNKNOWN_ELEM, NC_ERR_TYPE_APP, element);
      break;
    case Complaint::Kind::unknown_namespace:
      out = nc_err(context, NC_ERR_UNKNOWN_NS, NC_ERR_TYPE_APP, element, what);
      break;
  }
  say(out, schema, complaint.error);
  return nc_server_reply_err(out);
}

lyd_node* rpc_error(const ly_ctx* context, const config::Schema& schema, const Error& error, NC_ERR tag) {
  if (error.reason == config::kThere) {
    tag = NC_ERR_DATA_EXISTS;
  } else if (error.reason == config::kNotThere) {
    tag = NC_ERR_DATA_MISSING;
  }
  lyd_node* out = nc_err(context, tag, NC_ERR_TYPE_APP);
  say(out, schema, error);
  return out;
}

nc_server_reply* refuse(const ly_ctx* context, const config::Schema& schema, const std::vector<Error>& errors,
                        NC_ERR tag) {
  nc_server_reply* reply = nullptr;
  for (const Error& error : errors) {
    lyd_node* one = rpc_error(context, schema, error, tag);
    if (reply == nullptr) {
      reply = nc_server_reply_err(one);
    } else {
      nc_server_reply_add_err(reply, one);
    }
  }
  return reply;
}

}  // namespace floof::netconf
