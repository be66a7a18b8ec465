/** Menus, command line and library reach the same: every command of the instance by all three, and nothing that does not exist. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { commandNames } from '../../src/instance/command-arguments.ts';
import type { CommandName } from '../../src/protocol/control-channel.ts';
import { allMethods } from '../../src/sys/classes.ts';
import { filesBelow, textOf } from '../fixtures/project-files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Commands that stand in the files of a room as a word of their own: `'add-databases'`. */
function commandsIn(room: string): ReadonlySet<string> {
  const words = filesBelow(root, room)
    .filter((path) => path.endsWith('.ts') && !/menus\/menu\.ts$|commands\/sys\.ts$/.test(path))
    .flatMap((path) => [...textOf(root, path).matchAll(/'([a-z]+(?:-[a-z]+)*)'/g)].map(([, word]) => word as string));
  return new Set(words.filter((word) => commandNames.includes(word as CommandName)));
}

const reached = {
  menus: commandsIn('menus'),
  'command line': commandsIn('src/commands'),
  library: new Set<string>(allMethods.flatMap(({ method }) => method.commands)),
};

const noMethod = 'the original has no method of SYS.Mirror for it that is known';
const ordinary = 'belongs to databases of any kind, not to mirroring';

/** What one of the three does not reach, and why. */
const exceptions: Readonly<Record<keyof typeof reached, Readonly<Partial<Record<CommandName, string>>>>> = {
  menus: {
    'resume-databases': 'Activate or Catchup resumes a database that was paused',
    'download-databases': 'the original has no option for it; DB-029 is done by the command line',
    'rebuild-member': 'the original has no option for it; FO-089 is done by the command line',
  },
  'command line': {},
  library: {
    'force-primary': 'forcing has no method (FO-074)',
    'resume-primary': 'resuming has no method (FO-076)',
    'edit-mirror': noMethod,
    'join-as-new-member': noMethod,
    'edit-addresses': noMethod,
    'edit-async': noMethod,
    'edit-journal': noMethod,
    'switch-journal': noMethod,
    'change-no-failover': noMethod,
    'remove-member': noMethod,
    'clear-failoverdb': noMethod,
    'set-dejournal-filter': noMethod,
    'rebuild-member': noMethod,
    'create-database': ordinary,
    'mount-database': ordinary,
    'dismount-database': ordinary,
    'delete-database': ordinary,
    'recreate-database': ordinary,
    'backup-databases': ordinary,
    'restore-databases': ordinary,
    'stop-instance': 'belongs to the instance, not to mirroring',
  },
};

describe.each(Object.keys(reached) as (keyof typeof reached)[])('%s', (face) => {
  test('reaches every command of the instance, but for the exceptions', () => {
    const missing = commandNames.filter((name) => !reached[face].has(name));
    expect(missing.sort()).toEqual(Object.keys(exceptions[face]).sort());
  });
});

describe('the methods', () => {
  test('have names, facts and as many parameters as their calls take', () => {
    expect(allMethods.length).toBeGreaterThan(50);
    expect(new Set(allMethods.map(({ name }) => name.toLowerCase())).size).toBe(allMethods.length);
    const wrong = allMethods.filter(({ method }) => {
      const isBuilt = !method.returns.includes('not built');
      return (
        method.does === '' ||
        method.returns === '' ||
        method.commands.some((name) => !commandNames.includes(name)) ||
        (isBuilt && method.call.length !== method.parameters.length + 1)
      );
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test('are all that docs/spec names, and stand at the statement that names them', () => {
    const rows = textOf(root, 'docs/spec/09-api.md').matchAll(/^\| (API-\d{3}) \| [^|]* \| ([^|]*) \|/gm);
    const stated = [...rows].flatMap(([, id, calls]) =>
      [...(calls as string).matchAll(/`((?:(?:SYS|Config|\$SYSTEM)\.\w+\.)?)(\w+)\([^`]*\)`/g)].map(
        ([, named, method]) => ({ id, named, method }),
      ),
    );
    expect(stated.length).toBeGreaterThan(25);
    const known = new Map(allMethods.map(({ name, method }) => [name, method.spec]));
    let className = '';
    for (const { id, named, method } of stated) {
      className = named || className;
      expect({ method: `${className}${method}`, id: known.get(`${className}${method}`) }).toEqual({
        method: `${className}${method}`,
        id,
      });
    }
  });
});
