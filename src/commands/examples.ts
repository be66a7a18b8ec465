/** What --help and the manual page show below the options of each command; a test has the commands read every line. */
import type { Command } from 'commander';

/** By the words of the command. */
const examples: Readonly<Record<string, readonly string[]>> = {
  '': ['', "session A '^MIRROR' --answers create.txt", 'lab up'],
  session: ['session A', "session A '^DATABASE'", "session A '^MIRROR' --answers create.txt"],
  'instance create': ['instance create A --address 10.0.0.1 --port 1972'],
  'instance edit': ['instance edit A --address 10.0.0.7'],
  'instance start': ['instance start A --timeout 2m'],
  'instance stop': ['instance stop A', 'instance stop A --nofailover'],
  'instance restart': ['instance restart A --nofailover'],
  'instance force': ['instance force A'],
  'instance delete': ['instance delete A --confirm A'],
  'instance list': ['instance list --json'],
  'agent start': ['agent start --address 10.0.0.1 --port 2188'],
  'agent stop': ['agent stop'],
  'agent restart': ['agent restart'],
  'agent status': ['agent status --json'],
  'agent run': ['agent run --port 2188'],
  'mirror create': [
    'mirror create A --mirror DEMO --arbiter 10.0.0.9:2188 --dry-run',
    'mirror create A --mirror DEMO --arbiter 10.0.0.9:2188',
    'mirror create A --mirror DEMO --qos 4000',
  ],
  'mirror join': [
    'mirror join B --mirror DEMO --type failover --agent 10.0.0.1:2188 --instance A',
    'mirror join C --mirror DEMO --type dr --agent 10.0.0.1:2188 --instance A',
  ],
  'mirror join-as-new': ['mirror join-as-new B --confirm B'],
  'mirror show': ['mirror show A --json'],
  'mirror edit': ['mirror edit A --arbiter none', 'mirror edit A --member B --private-address 10.1.0.2'],
  'mirror edit-async': ['mirror edit-async C --type read-only --confirm C'],
  'mirror filter': ['mirror filter R zcities.mjs', 'mirror filter R --remove'],
  'mirror enable': ['mirror enable A'],
  'mirror start': ['mirror start B'],
  'mirror stop': ['mirror stop B'],
  'mirror no-failover': ['mirror no-failover A on'],
  'mirror become-primary': ['mirror become-primary B --dry-run', 'mirror become-primary B --confirm B'],
  'mirror force-primary': ['mirror force-primary B --dry-run', 'mirror force-primary B --confirm B --situation 41'],
  'mirror resume': ['mirror resume A --dry-run', 'mirror resume A --confirm A'],
  'mirror leave': ['mirror leave C --dry-run', 'mirror leave C --confirm C --attribute remove'],
  'mirror remove': ['mirror remove A --confirm A'],
  'mirror remove-member': ['mirror remove-member A C --confirm C'],
  'mirror rebuild': ['mirror rebuild B --dry-run', 'mirror rebuild B --from A --confirm B'],
  'mirror promote': ['mirror promote C --dry-run', 'mirror promote C --confirm C --partner A'],
  'mirror demote': ['mirror demote B --confirm B', 'mirror demote A --other --confirm B'],
  status: ['status A', 'status A --json', 'status A --watch 2'],
  wait: ['wait A --for active --timeout 60s', 'wait C --for caught-up --json'],
  events: ['events A --follow', 'events A --all --since 10m', 'events A --rule FO-027 --json'],
  log: ['log A --severity 1', 'log A --follow --json'],
  verify: ['verify A --json'],
  'lost list': ['lost list A --json'],
  'lost show': ['lost show A'],
  'journal list': ['journal list A --json'],
  'journal view': ['journal view A MIRROR-DEMO-20260314.002 --offset 4096 --limit 20'],
  'journal search': [
    'journal search A --global \'^CITY("FR")\' --from 2026-03-14T08:00:00Z',
    'journal search A --value Paris --json',
  ],
  'journal check': ['journal check A'],
  'journal switch': ['journal switch A'],
  'journal purge': ['journal purge A'],
  'journal repair': ['journal repair B MIRROR-DEMO-20260314.002 --from /srv/copies'],
  'journal edit': ['journal edit A --alternate /srv/journal2'],
  'database create': [
    'database create A SALES --mirrored',
    'database create A SALES --directory /srv/sales --max-size 500',
  ],
  'database edit': ['database edit A SALES --max-size 1000'],
  'database add': ['database add A SALES'],
  'database remove': ['database remove A SALES'],
  'database dismount': ['database dismount B SALES'],
  'database delete': ['database delete A OLD'],
  'database recreate': ['database recreate A OLD --confirm OLD'],
  'database mount': ['database mount B SALES'],
  'database activate': ['database activate B SALES --wait'],
  'database catchup': ['database catchup B SALES --wait'],
  'database pause': ['database pause R SALES', 'database pause R --all'],
  'database resume': ['database resume R --all'],
  'database clear-flag': ['database clear-flag R SALES --confirm R'],
  'database backup': ['database backup A SALES --to /srv/backups/today'],
  'database restore': [
    'database restore B --from /srv/backups/today --dry-run',
    'database restore B SALES --from /srv/backups/today --replace',
  ],
  'database download': ['database download B SALES --from A'],
  'database list': ['database list A --json'],
  global: [
    'global A set \'^CITY("FR",75,"Paris")\' 2138551',
    'global mirror://10.0.0.1:1972,10.0.0.2:1972/DEMO get \'^CITY("FR",75,"Paris")\' --json',
    "global mirror://10.0.0.1:1972,10.0.0.2:1972/DEMO count '^CITY' --json",
    'global mirror://10.0.0.1:1972,10.0.0.2:1972/DEMO import - --json < cities.ndjson',
  ],
  sys: ['sys', "sys '$SYSTEM.Mirror.GetMemberStatus'", 'sys SYS.Mirror.AddDatabase /srv/sales SALES --json'],
  'lab up': ['lab up', 'lab up --qos 1000 --reporting 1'],
  'lab status': ['lab status --json'],
  'lab open': ['lab open'],
  'lab down': ['lab down', 'lab down --delete'],
  'lab kill': ['lab kill A', 'lab kill A --host'],
  'lab cut': ['lab cut A B', 'lab cut A X --one-way'],
  'lab heal': ['lab heal', 'lab heal A B'],
  'completion bash': ['completion bash > ~/.local/share/bash-completion/completions/caretmirror'],
  'completion zsh': ['completion zsh > ~/.zfunc/_caretmirror'],
  'completion fish': ['completion fish > ~/.config/fish/completions/caretmirror.fish'],
};

/** As they are typed. */
export function examplesOf(command: Command): readonly string[] {
  return (examples[wordsOf(command).join(' ')] ?? []).map((line) => `caretmirror ${line}`.trimEnd());
}

/** Below the options of a command and of those below it. */
export function showExamples(command: Command): void {
  const lines = examplesOf(command);
  if (lines.length > 0) command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
  for (const each of command.commands) showExamples(each);
}

function wordsOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...wordsOf(command.parent), command.name()];
}
