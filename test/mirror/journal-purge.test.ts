/** Which mirror journal files may go. */
import { describe, expect, test } from '@jest/globals';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { decidePurge, fileNeededFrom, type PurgeFacts, type PurgeFile } from '../../src/mirror/journal-purge.ts';
import { journalSettings } from '../../src/mirror/mirror-set.ts';

const dayMs = 86_400_000;
const nowMs = 100 * dayMs;

/** Files 1 to 6 of 100 records and 1000 bytes: 1 to 3 of epoch 1, 4 and 5 of epoch 2, 6 of epoch 4; one ended each day. */
const files: readonly PurgeFile[] = [1, 1, 1, 2, 2, 4].map((epoch, index) => ({
  file: index + 1,
  bytes: 1000,
  epoch,
  sequenceBefore: index * 100,
  sequence: index === 5 ? 550 : (index + 1) * 100,
  endedMs: index === 5 ? null : nowMs - (5 - index) * dayMs,
}));

const at = (epoch: number, sequence: number): JournalPosition => ({ epoch, file: 0, offset: 0, sequence });
const end = at(4, 550);
const away = (member: string, has: JournalPosition | null) => ({ member, has, isConnected: false, isLapsed: false });
const connected = (member: string, has: JournalPosition) => ({ ...away(member, has), isConnected: true });

function facts(
  more: Partial<Omit<PurgeFacts, 'settings'>> & { settings?: Partial<PurgeFacts['settings']> } = {},
): PurgeFacts {
  const { settings, ...rest } = more;
  return {
    files,
    members: [connected('B', end)],
    databases: [{ database: 'SALES', stored: end }],
    wallMs: nowMs,
    isPrimary: true,
    keepsForOthers: true,
    ...rest,
    settings: { ...journalSettings({}), keepDays: 0, limitBytes: null, ...settings },
  };
}

describe('SYN-026: a file goes when nobody needs it', () => {
  test('SYN-026: when all have everything, all but the newest go', () => {
    expect(decidePurge(facts())).toMatchObject({ before: 6, lapsed: [], warned: [], bytes: 1000 });
  });

  test('SYN-026: the member, and the database, that has least holds back the file in which it stands', () => {
    const members = [connected('B', end), away('C', at(1, 250))];
    expect(decidePurge(facts({ members })).before).toBe(3);
    const databases = [
      { database: 'SALES', stored: end },
      { database: 'IDLE', stored: at(1, 150) },
    ];
    expect(decidePurge(facts({ members, databases })).before).toBe(2);
  });

  test('SYN-026: what was never heard of, and a database of which nothing is known, need all there is', () => {
    expect(decidePurge(facts({ members: [away('C', null)] })).before).toBe(1);
    expect(decidePurge(facts({ databases: [{ database: 'SALES', stored: null }] })).before).toBe(1);
  });

  test('SYN-026: files are kept the days that are set, counted from their end; a clock set back keeps more', () => {
    expect(decidePurge(facts({ settings: { keepDays: 2 } })).before).toBe(5);
    expect(decidePurge(facts({ settings: { keepDays: 4 } })).before).toBe(3);
    expect(decidePurge(facts({ settings: { keepDays: 2 }, wallMs: nowMs - 50 * dayMs })).before).toBe(1);
  });

  test('SYN-026: a reporting async that purges at once keeps nothing for others and for no days, only for its databases', () => {
    const members = [away('C', null)];
    const databases = [{ database: 'SALES', stored: at(2, 410) }];
    expect(decidePurge(facts({ members, databases, keepsForOthers: false, settings: { keepDays: 9 } })).before).toBe(5);
  });

  test('SYN-026: while the newest file has no record, the one before it stays too', () => {
    const begun = [...files.slice(0, 5), { ...files[5]!, sequence: 500 }];
    expect(decidePurge(facts({ files: begun, members: [connected('B', at(4, 500))] })).before).toBe(5);
  });

  test('SYN-026: an empty journal, and one with a single file, lose nothing', () => {
    expect(decidePurge(facts({ files: [] }))).toMatchObject({ before: 0, bytes: 0 });
    expect(decidePurge(facts({ files: files.slice(5) })).before).toBe(6);
  });
});

describe('where a position stands', () => {
  test('SYN-026: the file that holds its record; of an epoch that is gone or went on elsewhere, the last file before', () => {
    const places: readonly (readonly [number, number, number])[] = [
      [0, 0, 1],
      [1, 0, 1],
      [1, 99, 1],
      [1, 100, 1],
      [1, 101, 2],
      // More of epoch 1 and 2 than this journal has: the rest is given up at the next contact.
      [1, 300, 3],
      [1, 999, 3],
      [2, 300, 3],
      [2, 301, 4],
      [2, 999, 5],
      // Epoch 3 was cut off by epoch 4: what is shared ends with epoch 2.
      [3, 520, 5],
      [4, 500, 5],
      [4, 501, 6],
      [9, 1, 6],
    ];
    for (const [epoch, sequence, file] of places) {
      expect([epoch, sequence, fileNeededFrom(files, at(epoch, sequence))]).toEqual([epoch, sequence, file]);
    }
  });

  test('SYN-026: a position in a file that is gone holds the oldest one that is left', () => {
    expect(fileNeededFrom(files.slice(3), at(1, 120))).toBe(4);
  });
});

describe('SYN-026: the limit of what a member that is away may hold back', () => {
  const limited = { limitBytes: 4000 };

  test('SYN-026: beyond it the one furthest behind loses its claim, and no more of them than needed', () => {
    const members = [connected('B', end), away('C', at(1, 50)), away('D', at(1, 250))];
    const verdict = decidePurge(facts({ members, settings: limited }));
    expect(verdict.lapsed.map(({ member }) => member)).toEqual(['C']);
    expect(verdict.lapsed[0]!.because).toBe('6000 bytes are kept, the limit is 4000');
    expect(verdict).toMatchObject({ before: 3, bytes: 4000 });
  });

  test('SYN-026: near it, whoever holds the oldest file back is named', () => {
    const near = [connected('B', end), away('C', at(1, 250))];
    const verdict = decidePurge(facts({ members: near, settings: limited }));
    expect(verdict.lapsed).toEqual([]);
    expect(verdict.warned).toEqual([{ kind: 'member', name: 'C', from: 3 }]);
    const far = decidePurge(facts({ members: near, settings: { limitBytes: 40_000 } }));
    expect(far.warned).toEqual([]);
  });

  test('SYN-026: a member that is connected and an own database keep their claims, and are named', () => {
    const members = [connected('B', at(1, 50)), away('C', at(1, 50))];
    const slow = decidePurge(facts({ members, settings: limited }));
    expect(slow.lapsed).toEqual([]);
    expect(slow.warned.map(({ name }) => name)).toEqual(['B', 'C']);
    const databases = [{ database: 'SALES', stored: at(1, 50) }];
    const behind = decidePurge(facts({ members: [away('C', at(1, 50))], databases, settings: limited }));
    expect(behind.lapsed).toEqual([]);
    expect(behind.warned.map(({ name }) => name)).toEqual(['SALES', 'C']);
  });

  test('SYN-026: a claim is not taken away where the days that files are kept would hold them all the same', () => {
    const members = [away('C', at(1, 50))];
    const verdict = decidePurge(facts({ members, settings: { ...limited, keepDays: 30 } }));
    expect(verdict).toMatchObject({ before: 1, lapsed: [] });
  });

  test('SYN-026: the limit of days', () => {
    const members = [away('C', at(1, 50)), away('D', at(2, 350))];
    const verdict = decidePurge(facts({ members, settings: { limitDays: 3 } }));
    expect(verdict.lapsed.map(({ member }) => member)).toEqual(['C']);
    expect(verdict.before).toBe(4);
    expect(decidePurge(facts({ members, settings: { limitDays: 6 } })).warned).toHaveLength(1);
    expect(decidePurge(facts({ members, settings: { limitDays: 7 } })).warned).toHaveLength(0);
  });

  test('SYN-026: only the primary takes claims away; the others purge what it took', () => {
    const members = [away('B', end), away('C', at(1, 50))];
    expect(decidePurge(facts({ members, isPrimary: false, settings: limited }))).toMatchObject({
      before: 1,
      lapsed: [],
    });
    const told = [away('B', end), { ...away('C', at(1, 50)), isLapsed: true }];
    expect(decidePurge(facts({ members: told, isPrimary: false, settings: limited })).before).toBe(6);
  });
});
