/**
 * What a menu is: a title and options; an option leads to a submenu or to an action with its questions. Everything in
 * menus/ is data, without a function: what the operator reads is changed here and nowhere else, and src/terminal carries
 * it out. `{name}` in a text is filled in by the terminal with an answer or a fact of that name.
 */
import type { CommandName } from '../src/protocol/control-commands.ts';

/** Where an option is meant to run: the present role and type of the member. */
export type Place = 'primary' | 'backup' | 'dr' | 'reporting';

export interface Menu {
  /** Named in messages, not printed: the routine prints the bare list. */
  readonly title: string;
  /** Printed above the options: why this menu is shown. */
  readonly heading?: readonly string[];
  readonly options: readonly Option[];
}

/** A menu whose options differ from one kind of member to another. */
export type MenuByPlace = Readonly<Record<Place, Menu>>;

export interface Option {
  readonly label: string;
  /** What it does, for `?`. */
  readonly help: string;
  /** On which members it runs, for `?`; absent = on an instance that is in no mirror, or on every member. */
  readonly runsOn?: readonly Place[];
  /** `not-built` and `not-here` keep number and label and are shown as disabled; `leave` is RETURN by a name. */
  readonly leadsTo: Menu | MenuByPlace | Action | 'not-built' | 'not-here' | 'leave';
}

export type Screen =
  | 'mirrored-databases'
  | 'node-status'
  | 'mirror-configuration'
  | 'status-monitor'
  | 'databases'
  | 'journal-status';

export type Action =
  | { readonly kind: 'screen'; readonly screen: Screen }
  /** Questions, what it will do, confirmation, done. */
  | {
      readonly kind: 'perform';
      readonly command:
        | 'enable-mirror-service'
        | 'create-mirror'
        | 'join-as-new-member'
        | 'edit-mirror'
        | 'start-mirror'
        | 'stop-mirror'
        | 'set-dejournal-filter'
        | 'switch-journal'
        | 'purge-journal'
        | 'edit-journal'
        | 'stop-instance';
      readonly questions: readonly Question[];
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** The mirror is looked up before the own fields are asked (CFG-028, CFG-034). */
  | {
      readonly kind: 'join';
      readonly command: 'join-mirror';
      readonly asAsync: boolean;
      readonly lookUp: readonly Question[];
      readonly questions: readonly Question[];
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** What an async is now, its type, and what follows from the type (CFG-050, CFG-051). */
  | {
      readonly kind: 'edit-async';
      readonly command: 'edit-async';
      readonly type: PickQuestion;
      readonly clear: YesNoQuestion;
      readonly retention: PickQuestion;
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** Which of the two questions is asked depends on the present state (FO-072). */
  | {
      readonly kind: 'no-failover';
      readonly command: 'change-no-failover';
      readonly set: YesNoQuestion;
      readonly clear: YesNoQuestion;
    }
  /** Whether it pauses or restarts depends on the present state (SYN-020). */
  | {
      readonly kind: 'dejournaling';
      readonly command: 'manage-dejournaling';
      readonly pause: YesNoQuestion;
      readonly restart: YesNoQuestion;
    }
  /** Some of the instance's databases, then the command: one for each, or one for all together. */
  | {
      readonly kind: 'databases';
      readonly command:
        | 'add-databases'
        | 'remove-database'
        | 'catch-up-databases'
        | 'pause-databases'
        | 'edit-database'
        | 'mount-database'
        | 'dismount-database'
        | 'delete-database'
        | 'recreate-database'
        | 'clear-failoverdb';
      readonly pick: DatabasesQuestion;
      readonly each: readonly Question[];
      /** Asked where the number of databases leaves the choice (DB-019). */
      readonly background?: YesNoQuestion & { readonly databasesBelow: number };
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** A directory, properties in numbered fields, then the name of the database (DB-017). */
  | {
      readonly kind: 'create-database';
      readonly command: 'create-database';
      readonly directory: TextQuestion;
      readonly change: YesNoQuestion;
      readonly fields: readonly Question[];
      readonly dataset: TextQuestion;
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** Properties of present databases in numbered fields. */
  | {
      readonly kind: 'edit-fields';
      readonly command: 'edit-database';
      readonly pick: DatabasesQuestion;
      readonly fields: readonly Question[];
      /** A last field of a database that can be added to the mirror (DB-060). */
      readonly addToMirror: TextQuestion;
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  | { readonly kind: 'database-details'; readonly pick: DatabasesQuestion }
  | {
      readonly kind: 'backup';
      readonly command: 'backup-databases';
      readonly pick: DatabasesQuestion;
      readonly device: TextQuestion;
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** All databases of a backup, or some, and those under other names (DB-021, DB-022). */
  | {
      readonly kind: 'restore';
      readonly command: 'restore-databases';
      readonly selected: boolean;
      readonly device: TextQuestion;
      /** Asked when the backup was made on another member of the mirror. */
      readonly limit: YesNoQuestion;
      readonly confirm: YesNoQuestion;
    }
  /** Without a primary the partner is asked for (FO-080); RETURN = chosen automatically. */
  | {
      readonly kind: 'promote';
      readonly command: 'promote';
      readonly partner: TextQuestion;
      readonly hold: YesNoQuestion;
      readonly confirm: YesNoQuestion;
    }
  /** Journal files, then records of one or all, those that are looked for; changes nothing. The files are the choices. */
  | {
      readonly kind: 'journal-records';
      readonly file: Pick<TextQuestion, 'name' | 'text' | 'help'>;
      readonly select: YesNoQuestion;
      readonly questions: readonly TextQuestion[];
    }
  /** What a backup holds; changes nothing. */
  | { readonly kind: 'backup-volume'; readonly device: TextQuestion }
  /** CFG-066..CFG-071: what it will do is assessed first; the attribute is asked about only where there are databases. */
  | {
      readonly kind: 'remove-mirror';
      readonly command: 'remove-mirror';
      /** One in several mirrors leaves all of them, or the chosen one. */
      readonly which: 'all' | 'chosen';
      readonly attribute: YesNoQuestion;
      readonly confirm: YesNoQuestion;
    }
  /** CFG-069; the choices of `member` are the others of the mirror. */
  | {
      readonly kind: 'remove-member';
      readonly command: 'remove-member';
      readonly member: Omit<PickQuestion, 'choices'>;
      readonly attribute: YesNoQuestion;
      readonly confirm: YesNoQuestion;
    }
  /** CFG-056..CFG-060: of one member; on that member itself its superserver port is asked, too. */
  | {
      readonly kind: 'edit-addresses';
      readonly command: 'edit-addresses';
      readonly member: Omit<PickQuestion, 'choices'>;
      readonly port: NumberQuestion;
      readonly questions: readonly Question[];
      readonly summary: string;
      readonly confirm: YesNoQuestion;
    }
  /** Assessed first, then each question answered with Yes, and carried out only in the situation that was shown. */
  | {
      readonly kind: 'assessed';
      readonly command: Extract<
        CommandName,
        'become-primary' | 'force-primary' | 'resume-primary' | 'demote' | 'demote-other'
      >;
      readonly confirm: readonly YesNoQuestion[];
    };

/** Defaults that the instance or an earlier answer gives. */
export type DefaultSource =
  | 'memberName'
  | 'asyncMemberName'
  | 'superserverAddress'
  | 'agentPort'
  | 'agentAddress'
  | 'answeredSuperserverAddress'
  | 'localName'
  | 'presentMaximumSize'
  | 'presentExpansionSize'
  | 'presentResource'
  | 'presentJournaled'
  | 'presentMountRequired'
  | 'datasetName'
  | 'presentUseArbiter'
  | 'presentArbiterHost'
  | 'presentArbiterPort'
  | 'presentQosTimeout'
  | 'presentCompressionFailover'
  | 'presentCompressionAsync'
  | 'presentParallelDejournaling'
  | 'presentSuperserverAddress'
  | 'presentSuperserverPort'
  | 'presentPrivateAddress'
  | 'presentAgentAddress'
  | 'presentAgentPort'
  | 'presentAsyncType'
  | 'presentRetention'
  | 'presentDejournalFilter'
  | 'presentAlternateJournal';

interface Asked {
  /** Under this name the answer is kept. */
  readonly name: string;
  /** As printed, with its question mark, without the default. */
  readonly text: string;
  /** For `?`. */
  readonly help: string;
  /** How the answer is called where what will be done is shown; absent = it is not shown there. */
  readonly label?: string;
  /** Asked only if the yes/no question of this name was answered yes. */
  readonly when?: string;
  readonly defaultFrom?: DefaultSource;
}

export interface YesNoQuestion extends Asked {
  readonly kind: 'yes-no';
  /** As printed: the routine uses both spellings. */
  readonly default: '<No>' | '<Yes>' | '<N>' | '<Y>';
  /** Only No can be taken, and why. */
  readonly onlyNo?: string;
}

export interface NumberQuestion extends Asked {
  readonly kind: 'number';
  readonly default?: `<${number}>`;
  readonly min: number;
  readonly max: number;
}

export interface TextQuestion extends Asked {
  readonly kind: 'text';
  readonly default?: string;
  /** Regular expression the whole answer must match; the default is taken as it is. */
  readonly pattern: string;
  /** What the pattern stands for, in words. */
  readonly expected: string;
  readonly upperCase?: boolean;
}

export interface Choice {
  readonly label: string;
  readonly notBuilt?: string;
}

export interface PickQuestion extends Asked {
  readonly kind: 'pick';
  readonly choices: readonly Choice[];
  /** Label of a choice. */
  readonly default?: string;
}

export interface DatabasesQuestion extends Asked {
  readonly kind: 'databases';
  readonly which:
    | 'addable'
    | 'mirrored'
    | 'needs-catch-up'
    | 'dejournaling'
    | 'mounted-mirrored'
    | 'any'
    | 'mounted'
    | 'dismounted'
    | 'ordinary'
    | 'flag-set';
  readonly heading: string;
  /** Instead of the list when there is none. */
  readonly none: string;
  /** The prompt once something has been chosen. */
  readonly textForMore: string;
}

export type Question = YesNoQuestion | NumberQuestion | TextQuestion | PickQuestion;
