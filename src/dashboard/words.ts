/** What each status is called, how it looks without colour, and what it means. */

export interface Look {
  readonly word: string;
  /** The class of its shape, which tells it apart where colours do not. */
  readonly shape: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'quiet';
  readonly means: string;
}

const LOOKS: Readonly<Record<string, Look>> = {
  available: {
    word: 'available',
    shape: 'circle',
    tone: 'good',
    means: 'It is heard in time.',
  },
  starting: {
    word: 'starting',
    shape: 'ring',
    tone: 'quiet',
    means: 'Registered; not yet heard in this generation, or its first poll is not answered yet.',
  },
  overloaded: {
    word: 'overloaded',
    shape: 'triangle',
    tone: 'warn',
    means: 'A signal is late: it gets less traffic and is not restarted.',
  },
  critical: {
    word: 'critical',
    shape: 'down',
    tone: 'bad',
    means: 'Signals are late or partly missing: close to being taken out.',
  },
  'probe-failing': {
    word: 'probe-failing',
    shape: 'half',
    tone: 'warn',
    means:
      'The service is heard and its polls fail. With many others: the way of the polls is broken. Alone: it is itself, and gets no traffic.',
  },
  zombie: {
    word: 'zombie',
    shape: 'diamond',
    tone: 'bad',
    means: 'The process lives, but its service does not run: it gets no traffic.',
  },
  dead: {
    word: 'dead',
    shape: 'cross',
    tone: 'bad',
    means: 'Nothing is heard of it: it gets no traffic.',
  },
  'not-ready': {
    word: 'not ready',
    shape: 'bars',
    tone: 'quiet',
    means: 'It says itself that it takes no traffic at present.',
  },
};

/** The order in which counts are shown: what needs looking at first. */
export const STATUSES = [
  'dead',
  'zombie',
  'critical',
  'overloaded',
  'probe-failing',
  'not-ready',
  'starting',
  'available',
] as const;

/** A status that the page does not know has its own name, and a shape that says so. */
export const lookOf = (status: string): Look =>
  LOOKS[status] ?? {
    word: status,
    shape: 'square',
    tone: 'quiet',
    means: 'A status that this page does not know.',
  };

const SIGNALS: Readonly<Record<string, string>> = {
  ok: 'heard in time',
  late: 'late',
  missing: 'missing',
  unused: 'not used in this life',
  unknown: 'cannot be heard at present',
  'not-ready': 'says that it is not ready',
};

export const signalWords = (state: string): string => SIGNALS[state] ?? state;

const HELD: Readonly<Record<string, string>> = {
  stall: 'the registry itself could not run and judges nobody until it has caught up',
  'mass-silence': 'many are silent at once, which speaks against the path and not against them',
  'link-down': 'the link over which it is heard is down',
  bootstrap: 'it was never heard, and what is expected of it is a guess',
  restored: 'the registry was started again and has not heard it since',
  panic: 'too few of its service are available, and routing does not believe it',
  removal: 'removal is frozen',
  reported: 'a client reported a failed request to it',
  outlier: 'its figures are far from those of its service',
};

export const heldWords = (held: string): string => HELD[held] ?? held;
