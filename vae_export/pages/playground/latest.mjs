/* Work that is asked for more often than it can be done. */

/** Does the work for the latest call alone, after the one that is under way. */
export class Latest {
  constructor(work) {
    this._work = work;
    this._running = null;
    /** Whether it has been asked for again: the work may stop then. */
    this.wanted = false;
  }

  /** Resolves when the work has been done after this call, and rejects if it failed. */
  ask() {
    this.wanted = true;
    this._running ??= this._run();
    return this._running;
  }

  async _run() {
    try {
      while (this.wanted) {
        this.wanted = false;
        await this._work();
      }
    } finally {
      this._running = null;
    }
  }
}
