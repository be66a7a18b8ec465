/**
 * `caretmirror completion bash|zsh|fish`: a few lines for the shell, which ask this program at each TAB. So they know the
 * commands of this version, and the instances, members and databases that there are.
 */
import type { Command } from 'commander';
import { readConfiguration } from '../host/configuration-file.ts';
import type { InstanceConfiguration } from '../host/host.ts';
import { candidates, type Names, valueGiven } from './completion-words.ts';
import { usage } from './failures.ts';
import { listInstances } from './instances.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

/** They work under whatever name the program was called by. */
const scripts: Readonly<Record<string, string>> = {
  bash: `# caretmirror completion bash; to be sourced, e.g. from ~/.bashrc
_caretmirror() {
  local IFS=$'\\n'
  COMPREPLY=($("$1" completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _caretmirror caretmirror
`,
  zsh: `#compdef caretmirror
# caretmirror completion zsh; to be sourced after compinit, or a file _caretmirror in $fpath
_caretmirror() {
  local -a found
  found=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _caretmirror caretmirror
`,
  fish: `# caretmirror completion fish; a file caretmirror.fish in ~/.config/fish/completions
function __caretmirror_words
  set -l words (commandline -opc)
  set -l found ($words[1] completion words -- $words[2..-1] (commandline -ct) 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c caretmirror -f -a '(__caretmirror_words)'
`,
};

/** `wholeProgram`: this program with all its groups, to be read and not run. */
export function defineCompletion(wholeProgram: () => Promise<Command>): DefineGroup {
  return (group, surroundings) => {
    for (const [shell, text] of Object.entries(scripts)) {
      group
        .command(shell)
        .description(`lines for ${shell}, which complete commands, options and names`)
        .action(async () => (await surroundings()).print(text));
    }
    group
      .command('words [word...]', { hidden: true })
      .description('what may stand in the place of the last word')
      .action(async (words: readonly string[]) => {
        if (words.length === 0) throw usage('give the words after the name of the program, the last one may be empty');
        const home = valueGiven(words, '--home');
        const here = await surroundings();
        const found = await candidates(await wholeProgram(), words, namesOf(home === undefined ? here : here.at(home)));
        here.print(found.map((each) => `${each}\n`).join(''));
      });
  };
}

/** From the files of the home, so that TAB works where nothing runs. */
function namesOf(here: Surroundings): Names {
  const configurations = async (wanted: string | undefined): Promise<readonly InstanceConfiguration[]> => {
    const all = listInstances(here);
    const named = all.filter(({ name }) => name === wanted?.toUpperCase());
    return await Promise.all(
      (named.length === 0 ? all : named).map(({ paths }) => readConfiguration(paths.configuration)),
    );
  };
  return {
    instances: async () => listInstances(here).map(({ name }) => name),
    members: async (instance) =>
      (await configurations(instance)).flatMap(({ mirrorSet }) => mirrorSet?.members.map(({ name }) => name) ?? []),
    databases: async (instance) =>
      (await configurations(instance)).flatMap(({ databases }) => databases.map(({ name }) => name)),
    methods: async () => (await import('../sys/classes.ts')).allMethods.map(({ name }) => name),
  };
}
