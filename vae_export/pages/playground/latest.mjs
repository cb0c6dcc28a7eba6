/* Work that is asked for more often than it can be done. */

/** Does the work for the latest call alone, after the one that is under way. */
export class Latest {
  constructor(work) {
    this._work = work;
    this._wanted = false;
    this._running = null;
  }

  /** Resolves when the work has been done after this call. */
  ask() {
    this._wanted = true;
    this._running ??= this._run();
    return this._running;
  }

  async _run() {
    try {
      while (this._wanted) {
        this._wanted = false;
        await this._work();
      }
    } finally {
      this._running = null;
    }
  }
}
