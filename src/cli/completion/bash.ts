/** The completion script for bash, which needs nothing of the bash-completion package. */
import { type CompletionFlag, type CompletionLevel, serviceNames } from "./completion-levels.ts";
import { levelCases } from "./level-cases.ts";

export function bashScript(levels: readonly CompletionLevel[]): string {
  return `# Completion of kamal-proxy for bash.

_kamal_proxy_services() {
  ${serviceNames}
}

_kamal_proxy() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} equals=
  # "=" is a word of its own: --flag=value.
  if [[ $current == "=" ]]; then
    current= equals=yes
  elif [[ $previous == "=" ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]} equals=yes
  fi
  local word level= words= flags= values= files= services=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$level/$word" in
${levelCases(levels, "      ")}
    esac
  done
  case "$level" in
${levels.map(levelCase).join("\n")}
  esac
  COMPREPLY=()
  if [[ " $files " == *" $previous "* ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    # Folders get a slash; an error where nobody is typing.
    compopt -o filenames 2>/dev/null
  elif [[ " $values " == *" $previous "* ]]; then
    return
  elif [[ -n $equals ]]; then
    mapfile -t COMPREPLY < <(compgen -W "true false" -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  else
    if [[ -n $services ]]; then words=$(_kamal_proxy_services); fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}

complete -F _kamal_proxy kamal-proxy
`;
}

function levelCase({ path, words, flags, takesService }: CompletionLevel): string {
  const settings = [
    `words="${words.map(({ word }) => word).join(" ")}"`,
    `flags="${names(flags)}"`,
    `values="${names(flags.filter(({ value }) => value === "other"))}"`,
    `files="${names(flags.filter(({ value }) => value === "file"))}"`,
    ...(takesService ? ["services=yes"] : []),
  ];
  return `    "${path}") ${settings.join(" ")} ;;`;
}

function names(flags: readonly CompletionFlag[]): string {
  return flags.map(({ name }) => `--${name}`).join(" ");
}
