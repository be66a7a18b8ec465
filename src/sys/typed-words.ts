/** Words of a command line as the arguments of a method. '' = left out, as in the original. */
import { type Kind, type Method, type Parameter, SysArgumentError } from './method.ts';

/** @throws SysArgumentError */
export function argumentsOf({ parameters }: Method, words: readonly string[]): readonly unknown[] {
  const record = parameters.find(({ kind }) => typeof kind === 'object');
  const isKey = (word: string) => record !== undefined && /^[A-Za-z]\w*=/.test(word);
  const values = words.filter((word) => !isKey(word));
  const plain = parameters.filter((each) => each !== record);
  if (values.length > plain.length) throw new SysArgumentError(`"${values[plain.length]}" is one argument too many`);
  const byName = new Map<Parameter, unknown>(
    plain.map((parameter, index) => [parameter, typedValue(parameter, values[index] ?? '')]),
  );
  if (record !== undefined) byName.set(record, recordOf(record, words.filter(isKey)));
  const given = parameters.map((parameter) => byName.get(parameter));
  while (given.length > 0 && given.at(-1) === undefined) given.pop();
  return given;
}

/** `Directory [MirrorDBName] [enableJournalOK]`, `[MirrorInfo KEY=VALUE...]`. */
export function parametersText({ parameters }: Pick<Method, 'parameters'>): string {
  return parameters
    .map(({ name, kind, default: otherwise }) => {
      const shown = typeof kind === 'object' ? `${name} KEY=VALUE...` : name;
      return otherwise === undefined ? shown : `[${shown}]`;
    })
    .join(' ');
}

function typedValue(parameter: Parameter, word: string): unknown {
  const { name, kind, default: otherwise } = parameter;
  if (word !== '') return parse(name, kind as Kind, word);
  if (otherwise === undefined) throw new SysArgumentError(`${name} is missing`);
  return undefined;
}

function recordOf({ name, kind, default: otherwise }: Parameter, words: readonly string[]): unknown {
  if (words.length === 0) {
    if (otherwise === undefined) throw new SysArgumentError(`${name} is missing: give it as KEY=VALUE`);
    return undefined;
  }
  const keys = kind as Readonly<Record<string, Kind>>;
  const entries = words.map((word) => {
    const [typed = '', value = ''] = [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];
    const key = Object.keys(keys).find((each) => each.toLowerCase() === typed.toLowerCase());
    if (key === undefined)
      throw new SysArgumentError(`${name} has no ${typed}; it has ${Object.keys(keys).join(', ')}`);
    return [key, value === '' ? undefined : parse(key, keys[key] as Kind, value)] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const flags: Readonly<Record<string, boolean>> = {
  '1': true,
  yes: true,
  true: true,
  '0': false,
  no: false,
  false: false,
};

function parse(name: string, kind: Kind, word: string): unknown {
  switch (kind) {
    case 'text':
      return word;
    case 'names':
      return word.split(',').filter((each) => each !== '');
    case 'whole': {
      if (!/^\d{1,15}$/.test(word)) throw new SysArgumentError(`${name} must be a whole number, not "${word}"`);
      return Number(word);
    }
    case 'flag': {
      const flag = flags[word.toLowerCase()];
      if (flag === undefined) throw new SysArgumentError(`${name} is 1 or 0, not "${word}"`);
      return flag;
    }
    default:
      return kind satisfies never;
  }
}
