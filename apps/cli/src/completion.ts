import type { Command } from './command';

/** For bash, and for zsh by its bashcompinit. */
export function completionScript(commands: Readonly<Record<string, Command>>): string {
  const cases = Object.entries(commands).map(
    ([name, { options }]) => `    ${name}) words="${[...options, '--help'].join(' ')}" ;;`,
  );
  return `if [ -n "\${ZSH_VERSION:-}" ]; then autoload -U +X compinit && compinit && autoload -U +X bashcompinit && bashcompinit; fi
_cortex() {
  local words word="\${COMP_WORDS[COMP_CWORD]}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="" ;;
  esac
  if [ "$COMP_CWORD" = 1 ]; then words="${[...Object.keys(commands), 'completion', '--help'].join(' ')}"; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _cortex cortex
`;
}
