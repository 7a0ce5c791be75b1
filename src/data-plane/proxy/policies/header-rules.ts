/** --set-request-header and its kin: fields of requests and responses are removed, then set, then added. */
import {
  type HeaderValuePart,
  type HeaderVariable,
  parseHeaderRule,
} from "../../../config/header-rule.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { skippedKeys } from "../../../protocols/http/key-spellings.ts";
import type { FlatFields, OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import { byteString } from "../../services/byte-string.ts";
import type { RoutedRequest } from "../request-stages.ts";
import { DroppedKeys } from "./dropped-keys.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const headerRules: PolicyFactory = ({ options }): Policy | null => {
  const onRequests = compile(
    options.removeRequestHeaders,
    options.setRequestHeaders,
    options.addRequestHeaders,
  );
  const onResponses = compile(
    options.removeResponseHeaders,
    options.setResponseHeaders,
    options.addResponseHeaders,
  );
  if (onRequests === null && onResponses === null) return null;
  const change = onRequests === null ? null : new OutgoingChange(onRequests);
  return {
    logName: null,
    ...(change !== null && {
      onOutgoing: ({ routed }, head) => change.apply(routed, head),
    }),
    ...(onResponses !== null && {
      onResponse: ({ routed }, { fields }) => changeFields(onResponses, routed, fields),
    }),
  };
};

interface CompiledField {
  name: string;
  key: string;
  value: readonly HeaderValuePart[];
  /** What is always the same is known to be in order: the deploy has checked it. Null: it depends on the request. */
  constant: string | null;
}

interface CompiledRules {
  removed: readonly string[];
  set: readonly CompiledField[];
  added: readonly CompiledField[];
}

function compile(
  removed: readonly string[],
  set: readonly string[],
  added: readonly string[],
): CompiledRules | null {
  if (removed.length + set.length + added.length === 0) return null;
  const keys = removed.map((name) => name.toLowerCase());
  // Of two values for one field the later counts.
  const fields = new Map(set.map((rule) => [compileField(rule).key, compileField(rule)]));
  return { removed: keys, set: [...fields.values()], added: added.map(compileField) };
}

function compileField(rule: string): CompiledField {
  const { name, value } = parseHeaderRule(rule);
  const parts = value.map((part) => (typeof part === "string" ? byteString(part) : part));
  const texts = parts.filter((part) => typeof part === "string");
  const constant = texts.length === parts.length ? texts.join("") : null;
  return { name, key: name.toLowerCase(), value: parts, constant };
}

function changeFields(rules: CompiledRules, request: RoutedRequest, fields: Fields): void {
  for (const key of rules.removed) fields.delete(key);
  for (const { name, key, value, constant } of rules.set) {
    if (constant === null) fields.set(name, textOf(value, request), key);
    else fields.setChecked(name, constant, key);
  }
  for (const { name, key, value, constant } of rules.added) {
    if (constant === null) fields.append(name, textOf(value, request), key);
    else fields.appendChecked(name, constant, key);
  }
}

/** The head of a request is not written into: what is in it stays behind by its key. */
class OutgoingChange {
  readonly #rules: CompiledRules;
  readonly #keys: ReadonlySet<string>;
  readonly #host: CompiledField | null;
  readonly #dropped: DroppedKeys;
  readonly #replaced = new Map<string, boolean>();

  constructor(rules: CompiledRules) {
    this.#host = rules.set.find(({ key }) => key === "host") ?? null;
    this.#rules = { ...rules, set: rules.set.filter(({ key }) => key !== "host") };
    this.#keys = skippedKeys(
      rules.removed,
      this.#rules.set.map(({ key }) => key),
    );
    this.#dropped = new DroppedKeys(this.#keys);
  }

  apply(request: RoutedRequest, head: OutgoingHead): void {
    if (this.#keys.size > 0) {
      head.dropped = this.#dropped.with(head.dropped);
      head.added = this.#remaining(head.added);
    }
    if (this.#host !== null) head.authority = textOf(this.#host.value, request);
    for (const field of this.#rules.set) head.added.push(field.name, valueFor(field, request));
    for (const field of this.#rules.added) head.added.push(field.name, valueFor(field, request));
  }

  /** Most rules are about none of them: then it is the same list. */
  #remaining(added: FlatFields): FlatFields {
    let kept: FlatFields | null = null;
    for (let i = 0; i < added.length; i += 2) {
      if (this.#replaces(added[i]!)) kept ??= firstFields(added, i);
      else kept?.push(added[i]!, added[i + 1]!);
    }
    return kept ?? added;
  }

  /** Few names are ever asked about: those of the proxy's own fields. */
  #replaces(name: string): boolean {
    let replaced = this.#replaced.get(name);
    if (replaced === undefined) {
      replaced = this.#keys.has(name.toLowerCase());
      this.#replaced.set(name, replaced);
    }
    return replaced;
  }
}

function firstFields(fields: FlatFields, length: number): FlatFields {
  const first: FlatFields = [];
  for (let i = 0; i < length; i += 2) first.push(fields[i]!, fields[i + 1]!);
  return first;
}

function valueFor({ value, constant }: CompiledField, request: RoutedRequest): string {
  return constant ?? textOf(value, request);
}

function textOf(value: readonly HeaderValuePart[], request: RoutedRequest): string {
  let text = "";
  for (const part of value)
    text += typeof part === "string" ? part : valueOf(part.variable, request);
  return text;
}

function valueOf(variable: HeaderVariable, request: RoutedRequest): string {
  switch (variable) {
    case "host":
      return request.exchange.request.host;
    case "scheme":
      return request.exchange.request.scheme;
    case "client_ip":
      return request.clientAddress;
    case "request_id":
      return request.requestId;
    case "path":
      return request.exchange.request.path;
  }
}
