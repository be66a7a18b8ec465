/**
 * Negative controls of the crash proof: the code without one of its safeguards. `changes` are triples of a file, what stands in
 * it and what the mutant has instead; `workloads` are those that are tried, of `databases` where that is said. Where `survives` is given the proof does not
 * notice, and why that is right.
 */
const files = 'src/host/node-files.ts';
const journal = 'src/journal/disk-journal.ts';
const newestFile = 'src/journal/newest-file.ts';
const databases = 'src/database/lmdb-databases.ts';
const configuration = 'src/host/configuration-file.ts';

export const mutants = [
  {
    name: 'a replaced file is not synced before its rename',
    changes: [
      [
        files,
        '      fsyncSync(handle);\n    } finally {\n      closeSync(handle);\n    }\n    renameSync',
        '    } finally {\n      closeSync(handle);\n    }\n    renameSync',
      ],
    ],
    workloads: /^member record/,
  },
  {
    name: 'the directory of a replaced file is not synced',
    changes: [[files, '    syncDirectory(dirname(path));\n  } catch (cause)', '  } catch (cause)']],
    workloads: /^member record/,
  },
  {
    name: 'a short write counts as a whole one',
    changes: [
      [
        files,
        'done += writeSync(handle, bytes, done, bytes.length - done, position + done);',
        'done += Math.max(bytes.length, writeSync(handle, bytes, done, bytes.length - done, position + done));',
      ],
    ],
    workloads: /^(member record|journal: append and flush)/,
  },
  {
    name: 'a failed sync of the directory is taken for a full disk',
    changes: [[files, "{ code: 'EIO' }", '{ code: (cause as { code: string }).code }']],
    workloads: /^journal: append, append 6/,
  },
  {
    name: 'no sync at the end of a flush',
    changes: [
      [
        journal,
        "    this.#trust.orBroken('Syncing', path, () => writer.sync());\n    this.#setFlushed();",
        '    this.#setFlushed();',
      ],
    ],
    workloads: /^journal: append and flush/,
  },
  {
    name: 'the name of a new journal file is not synced',
    changes: [[newestFile, '      writer.sync();\n      disk.syncDirectory(directory);', '      writer.sync();']],
    workloads: /^journal: (switch|new epoch)/,
  },
  {
    name: 'the header of a new journal file is not synced',
    changes: [
      [
        newestFile,
        '      writer.sync();\n      disk.syncDirectory(directory);',
        '      disk.syncDirectory(directory);',
      ],
    ],
    workloads: /^journal: (switch|new epoch)/,
  },
  {
    name: 'a cut does not lower the mark first',
    changes: [[journal, 'this.#mark!.lower({ file: file?.number ?? 0, offset: boundary?.offset ?? 0 });', '']],
    workloads: /^journal: cut/,
  },
  {
    name: 'a cut is not synced',
    changes: [
      [journal, '        writer.cut(boundary.offset);\n        writer.sync();', '        writer.cut(boundary.offset);'],
    ],
    workloads: /^journal: cut/,
  },
  {
    name: 'a torn tail is left where it is',
    changes: [[journal, 'if (opening.tornBytes > 0) writer.cut(newest.end.offset);', '']],
    workloads: /^journal: append 6/,
  },
  {
    name: 'what opening finds is not synced',
    changes: [
      [
        journal,
        'if (opening.tornBytes > 0) writer.cut(newest.end.offset);\n        writer.sync();',
        'if (opening.tornBytes > 0) writer.cut(newest.end.offset);',
      ],
    ],
    workloads: /^journal: append 6/,
  },
  {
    name: 'a journal goes on after a failed sync',
    changes: [['src/journal/disk-errors.ts', 'if (this.brokenBy !== null) throw this.brokenBy;', '']],
    workloads: /^journal: append and flush/,
  },
  {
    name: 'the mark is raised before the flush',
    changes: [
      [
        journal,
        '    const writer = this.#newest.openForWriting(file);\n    if (!this.#room',
        '    const writer = this.#newest.openForWriting(file);\n    this.#mark!.raise({ file: file.number, offset: to });\n    if (!this.#room',
      ],
    ],
    workloads: /^journal: append 6/,
  },
  {
    name: 'an opening trusts what an earlier close said, and leaves it there',
    changes: [
      [
        'src/journal/journal-opening.ts',
        'if (size !== offset || closing.lastOffset < begin.offset',
        'if (closing.lastOffset < begin.offset',
      ],
      [
        'src/journal/flushed-mark.ts',
        '    this.lower(mark);\n  }\n\n  /** After a flush.',
        '  }\n\n  /** After a flush.',
      ],
    ],
    workloads: /^journal: append and flush$/,
  },
  {
    name: 'the coming configuration is not looked at before it takes its place',
    changes: [[configuration, "readFileSync(coming, 'utf8') !== text", 'text.length === 0']],
    workloads: /^configuration/,
  },
  {
    name: 'the place of the configuration is not synced',
    changes: [
      [configuration, '  try {\n    syncDirectoryOf(path);\n  } catch (cause) {', '  try {\n  } catch (cause) {'],
    ],
    workloads: /^configuration/,
  },
  {
    name: 'the name of a new file of events is not synced',
    changes: [['src/host/events-log.ts', '  syncDirectory(dirname(path));', '']],
    workloads: /^events/,
  },
  {
    name: 'the applied position has a transaction of its own',
    changes: [
      [
        'src/database/lmdb-batch.ts',
        '    const { attribute, applied, maximumBytes } = batch;\n    trees.putState({ attribute, applied, maximumBytes, sum });\n  });',
        '  });\n  const { attribute, applied, maximumBytes } = batch;\n  trees.root.transactionSync(() => trees.putState({ attribute, applied, maximumBytes, sum }));',
      ],
    ],
    workloads: /^mirrored, apply (some|long), apply/,
    databases: true,
  },
  {
    name: 'a database says that it is flushed when it is not',
    changes: [
      [
        'src/database/lmdb-database.ts',
        'async flushed(): Promise<void> {',
        "async flushed(): Promise<void> {\n    if (this.directory !== '') return;",
      ],
    ],
    workloads: /^mirrored, apply (one|long), flush$/,
    databases: true,
  },
  {
    name: 'the name of a new database is not synced',
    changes: [[databases, '    this.#files.syncDirectory(directory);\n    return database;', '    return database;']],
    workloads: /^ordinary, change one$/,
    databases: true,
  },
];
