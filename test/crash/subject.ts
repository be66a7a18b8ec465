/** What the crash proof tries: a thing that keeps files, small operations on it, and what it promised so far. */
import type { SimulatedDisk } from './simulated-disk.ts';

/** One thing with one promise; a step that met a full disk is tried again. */
export interface Step {
  readonly what: string;
  /** Says before, while and after it acts what must be found; throws what the subject throws. */
  run(): unknown;
}

/** A subject that is open: it acts on the disk in use, and its promises grow. */
export interface Life {
  /** The steps of one operation, by its name; made when the operation begins. */
  stepsOf(operation: string): readonly Step[];
  /** What must be found now, as it stands: later steps do not change it. */
  promised(): Promised;
  /**
   * After a step threw this, what holds: `again` = nothing is lost, the step may be tried again; `over` = the process must end;
   * `undone` = the step had no effect and that is its answer. Null = it may not throw this.
   */
  answerTo(error: unknown): 'again' | 'over' | 'undone' | null;
  /** After `over`: what would be wrong if it were used on; null = nothing. */
  misuse?(): string | null;
  close(): unknown;
}

/** A promise by which a reopened subject is judged. */
export interface Promised {
  /** For telling states apart. */
  readonly text: string;
  /** Reopens on this disk, with the real code; throws when the promise is broken. May change the disk. */
  check(disk: SimulatedDisk): unknown;
}

export interface Subject {
  readonly name: string;
  readonly operations: readonly string[];
  /** Operations that only come first. */
  readonly onlyFirst?: readonly string[];
  /** On an empty disk; what is left there becomes durable. */
  prepare(disk: SimulatedDisk): unknown;
  open(disk: SimulatedDisk): Life | Promise<Life>;
}
