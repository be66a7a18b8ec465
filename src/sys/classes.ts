/** Door of the library's table: every class with its methods, under the names of the original. */
import { databaseMethods } from './database-methods.ts';
import { mapMirrorsMethods, membershipMethods, serviceMethods } from './membership-methods.ts';
import type { Context, Method, Methods } from './method.ts';
import { reportMethods } from './report-methods.ts';
import { roleMethods } from './role-methods.ts';
import { systemMethods } from './system-methods.ts';

export const sysMirror = { ...membershipMethods, ...databaseMethods, ...roleMethods, ...reportMethods } as const;

/** By the names of the original; `%SYSTEM.Mirror` is the same as `$SYSTEM.Mirror`. */
export const classes = {
  'SYS.Mirror': sysMirror,
  '$SYSTEM.Mirror': systemMethods,
  'Config.MapMirrors': mapMirrorsMethods,
  'Security.Services': serviceMethods,
} as const satisfies Readonly<Record<string, Methods>>;

/** The methods of a class, each without its context. */
export type Bound<T extends Methods> = {
  readonly [N in keyof T]: T[N]['call'] extends (context: Context, ...given: infer A) => infer R
    ? (...given: A) => R
    : never;
};

export interface FoundMethod {
  /** CLASS.METHOD as the table spells it. */
  readonly name: string;
  readonly method: Method;
}

export const allMethods: readonly FoundMethod[] = Object.entries(classes).flatMap(([className, methods]) =>
  Object.entries(methods as Methods).map(([name, method]) => ({ name: `${className}.${name}`, method })),
);

/** Class and method are names: their case counts for nothing when they are typed. */
export function findMethod(typed: string): FoundMethod | null {
  const folded = typed.replace(/^(%|\$)?system\./i, '$system.').toLowerCase();
  return allMethods.find(({ name }) => name.toLowerCase() === folded) ?? null;
}

/** Each call runs `run` with the method's call; one connection for each, so that nothing is left open. */
export function bind<T extends Methods>(
  methods: T,
  run: (act: (context: Context) => Promise<unknown>) => Promise<unknown>,
): Bound<T> {
  const bound = Object.entries(methods).map(([name, { call }]) => [
    name,
    (...given: unknown[]) => run((context) => call(context, ...given)),
  ]);
  return Object.fromEntries(bound) as Bound<T>;
}
