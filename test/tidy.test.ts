/** What a machine can check of the house: names and lengths, what the pure rooms may use, and what the documents promise. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { filesBelow, textOf } from './fixtures/project-files.ts';
import { functionLengths, namesUsed, openingComment, parse } from './fixtures/source-tokens.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const self = 'test/tidy.test.ts';
const files = filesBelow(root).filter((path) => path !== 'package-lock.json');
const texts = new Map(files.map((path) => [path, textOf(root, path)] as const));
const rooms = ['src', 'menus', 'bin', 'scripts'];
const sources = files.filter((path) => rooms.includes(path.split('/')[0] ?? '') && /\.(ts|mjs|js)$/.test(path));
const parsed = new Map(sources.map((path) => [path, parse(path, read(path))] as const));
const documents = files.filter((path) => path.endsWith('.md') && !path.startsWith('docs/spec/'));

const linesMax = 600;
const functionLinesMax = 70;

function read(path: string): string {
  return texts.get(path) ?? '';
}

/** Every place where a name is used in the files of a room. */
function uses(room: string, banned: readonly string[]): readonly string[] {
  return [...parsed]
    .filter(([path]) => path.startsWith(room))
    .flatMap(([path, source]) =>
      namesUsed(source)
        .filter(({ name }) => banned.includes(name))
        .map(({ name, line }) => `${path}:${line} ${name}`),
    );
}

/** Lines of all files that match, but for this file, which has to name what it looks for. */
function linesWith(pattern: RegExp): readonly string[] {
  return files
    .filter((path) => path !== self)
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
    );
}

describe('rooms', () => {
  test('the sources are seen', () => {
    expect(sources.length).toBeGreaterThan(150);
  });

  const time = ['Date', 'performance', 'Math.random', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
  const surroundings = ['process', 'console', 'globalThis', 'fetch'];

  test('src/mirror and src/protocol know no time, chance, process or waiting', () => {
    const banned = [...time, ...surroundings, 'Promise', 'async', 'await'];
    expect([...uses('src/mirror/', banned), ...uses('src/protocol/', banned)]).toEqual([]);
  });

  test('src/simulation has its own time and chance', () => {
    expect(uses('src/simulation/', [...time, 'console', 'fetch'])).toEqual([]);
  });

  test('menus are data: no functions', () => {
    const found = [...parsed].filter(([path]) => path.startsWith('menus/'));
    expect(found.flatMap(([path, source]) => functionLengths(source).map(({ line }) => `${path}:${line}`))).toEqual([]);
  });

  test('colour is chosen in one place', () => {
    const imports = sources.filter((path) => /from 'chalk'/.test(read(path)));
    expect(imports).toEqual(['src/terminal/style.ts']);
    expect(read('src/terminal/style.ts')).not.toMatch(/import chalk\b/);
  });
});

describe('files', () => {
  test('names are kebab-case and say what is inside', () => {
    const capitals = /^(README\.md|LICENSE|docs\/[A-Z]+\.md|docs\/spec\/INDEX\.md)$/;
    const name = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?(\.[a-z]+)?$/;
    const bad = files.filter((path) => !capitals.test(path) && !name.test(path.split('/').at(-1) ?? ''));
    const drawers = /(^|\/)(utils?|helpers?|common|misc|shared|manager|base)(\.|\/)/;
    expect([...bad, ...files.filter((path) => drawers.test(path))]).toEqual([]);
  });

  test('a source file opens with what it is for', () => {
    expect(sources.filter((path) => openingComment(read(path)) === '')).toEqual([]);
  });

  test(`no source file is longer than ${linesMax} lines, but for tables and those that say why`, () => {
    const long = sources.filter((path) => {
      const isExempt = /-table\.ts$/.test(path) || /\blong because\b/.test(openingComment(read(path)));
      return !isExempt && read(path).split('\n').length > linesMax;
    });
    expect(long).toEqual([]);
  });

  test(`no function is longer than ${functionLinesMax} lines`, () => {
    const long = [...parsed].flatMap(([path, source]) =>
      functionLengths(source)
        .filter(({ lines }) => lines > functionLinesMax)
        .map(({ name, line, lines }) => `${path}:${line} ${name}: ${lines} lines`),
    );
    expect(long).toEqual([]);
  });

  test('nothing is left for later in a comment', () => {
    expect(linesWith(/\b(TODO|FIXME|XXX)\b/)).toEqual([]);
  });

  test('the project speaks of itself only', () => {
    expect(linesWith(/(^|[\s"'`(=])\/work\/|\.library\b|\.\.\/shared\//)).toEqual([]);
  });
});

test('package-lock.json has the packages of every platform (else: node scripts/complete-lock.mjs)', () => {
  type Lock = { packages: Record<string, { optionalDependencies?: Record<string, string> }> };
  const { packages } = JSON.parse(textOf(root, 'package-lock.json')) as Lock;
  const missing = Object.entries(packages).flatMap(([parent, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`node_modules/${name}`] && !packages[`${parent}/node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});

describe('documents', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  test('are there', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/ARCHITECTURE.md', 'docs/SPEC.md']));
  });

  test('name only files that exist', () => {
    // A comment may name a document; a document may name any file, or several with a star.
    const naming = [...documents, ...sources, ...files.filter((path) => path.startsWith('test/') && path !== self)];
    const missing = naming.flatMap((path) => {
      const isDocument = documents.includes(path);
      const pattern = isDocument
        ? /(?<![\w/.-])((?:src|menus|bin|scripts|test|docs|\.ci)\/[\w./*-]*[\w/*])/g
        : /(?<![\w/.-])(docs\/[A-Z][\w./-]*\w|docs\/decisions\/[\w./-]*\w)/g;
      return [...read(path).matchAll(pattern)]
        .map((match) => match[1] ?? '')
        .filter((named) => !isThere(named))
        .map((named) => `${path}: ${named}`);
    });
    expect(missing).toEqual([]);
  });

  test('link only to files that exist', () => {
    const missing = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !existsSync(join(root, dirname(path), link)))
        .map((link) => `${path}: ${link}`),
    );
    expect(missing).toEqual([]);
  });

  test('name only npm scripts that exist', () => {
    const known = new Set(Object.keys(scripts));
    const missing = documents.flatMap((path) =>
      [...read(path).matchAll(/\bnpm (?:run (?:-s )?([\w:-]+)|(start|test)\b)/g)]
        .map((match) => match[1] ?? match[2] ?? '')
        .filter((name) => !known.has(name))
        .map((name) => `${path}: npm run ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test('name only commands that exist', () => {
    const main = read('src/commands/main.ts');
    const groups = /const groups:[\s\S]*?\n};/.exec(main)?.[0] ?? '';
    const words = new Set([...groups.matchAll(/^ {2}'?([\w-]+)'?: \{/gm)].map((match) => match[1] ?? ''));
    expect(words.size).toBeGreaterThan(8);
    const missing = documents.flatMap((path) =>
      [
        ...read(path).matchAll(
          /(?:^|`)\s*(?:\$ )?(?:npx |node bin\/)?caretmirror(?:\.js)? (?:--home \S+ )?([a-z][\w-]*)/gm,
        ),
      ]
        .map((match) => match[1] ?? '')
        .filter((word) => !words.has(word))
        .map((word) => `${path}: caretmirror ${word}`),
    );
    expect(missing).toEqual([]);
  });

  function isThere(named: string): boolean {
    if (existsSync(join(root, named))) return true;
    // `docs/decisions/0002` names the file that begins so; `src/*/main.ts` names at least one.
    const escaped = named.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
    return files.some((path) => new RegExp(named.includes('*') ? `^${escaped}` : `^${escaped}-`).test(path));
  }
});
