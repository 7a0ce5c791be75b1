/**
 * One entry of the state file as JSON, with what older versions wrote. Lists and scalars may be
 * missing or null, as Go reads them; another type is an error of this entry alone.
 */
import * as v from "valibot";

const text = v.nullish(v.string(), "");
const number = v.nullish(v.number(), 0);
const flag = v.nullish(v.boolean(), false);
const texts = v.nullish(v.array(v.string()), []);

const options = v.object({
  hosts: texts,
  path_prefixes: texts,
  tls_enabled: flag,
  tls_certificate_path: text,
  tls_private_key_path: text,
  tls_on_demand_url: text,
  // Absent before v0.8.7, which always redirected.
  tls_redirect: v.nullish(v.boolean(), true),
  canonical_host: text,
  acme_directory: text,
  acme_cache_path: text,
  error_page_path: text,
  strip_prefix: flag,
  writer_affinity_timeout: number,
  read_targets_accept_websockets: flag,
  exclude_metrics_paths: texts,
  client_ip_header: text,
  // v0.1 to v0.5.
  tls_hostname: text,
});

const healthCheck = v.object({
  path: text,
  port: number,
  interval: number,
  timeout: number,
  host: text,
});

const targetOptions = v.object({
  health_check_config: v.nullish(healthCheck, {}),
  response_timeout: number,
  buffer_requests: flag,
  buffer_responses: flag,
  max_memory_buffer_size: number,
  max_request_body_size: number,
  max_response_body_size: number,
  log_request_headers: texts,
  log_response_headers: texts,
  forward_headers: flag,
  scope_cookie_paths: flag,
});

export const stateEntrySchema = v.object({
  name: v.pipe(v.string(), v.nonEmpty("the name is empty")),
  options: v.nullish(options, {}),
  target_options: v.nullish(targetOptions, {}),
  active_targets: texts,
  active_readers: texts,
  rollout_targets: texts,
  rollout_readers: texts,
  pause_controller: v.nullish(
    v.object({ state: number, stop_message: text, fail_after: number }),
    {},
  ),
  rollout_controller: v.nullish(
    v.object({ percentage: number, percentage_split_point: number, allowlist: texts }),
    null,
  ),
  // Up to v0.8: one target each, hosts and prefixes beside the options. v0.1 to v0.5: one host.
  active_target: text,
  rollout_target: text,
  host: text,
  hosts: texts,
  path_prefixes: texts,
});

export type StateEntryJson = v.InferOutput<typeof stateEntrySchema>;
