// What a page may never do, whatever the journey: everything the browser tells about it is heard from the first byte on.

import { Flaw } from './flaw.mjs';

const POLICY = 'content security policy';
/** On the wire, for a page with all that it loads. */
const MOST_BYTES = 50_000;

/** What the browser tells of how it treats a site that it was sent through: that is how authorizing works. */
const BESIDE = ['BounceTrackingIssue'];
/** Attributes that lead somewhere. */
const LINKS = ['href', 'src', 'action', 'formaction', 'data', 'poster'];

const isHttp = (url) => /^(https?|wss?):/.test(url);

export class Watch {
  #flaws = [];
  #allowed = new Set();
  #weights = new Map();
  #requests = new Map();
  #leaving = false;
  /** Whether the browser was ever sent to a program of the machine. */
  left = false;
  #troubled;
  /** Fulfilled once anything is wrong: there is no use in waiting longer then. */
  trouble = new Promise((troubled) => (this.#troubled = troubled));

  /** Begins to hear. `ours` are the origins of the subject, `theirs` those of applications. */
  static async over(page, { ours, theirs }) {
    const watch = new Watch();
    watch.page = page;
    watch.ours = ours;
    const known = new Set([...ours, ...theirs]);
    page.on('console', (message) => watch.#said(message));
    page.on('pageerror', (error) => watch.#found('console', `an exception: ${error.message}`));
    page.on('request', (request) => {
      const url = request.url();
      if (isHttp(url) && !known.has(new URL(url).origin)) watch.#found('third party', `a request to ${url}`);
    });
    page.on('response', (response) => watch.#answered(response));
    page.on('requestfailed', (request) => {
      if (watch.#leaving || !isHttp(request.url())) return;
      watch.#found('failed request', `${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
    });
    await page.exposeBinding('canary', (_, what) => watch.#found('canary', `a payload ran: ${what}`));
    const session = await page.context().newCDPSession(page);
    watch.session = session;
    session.on('Audits.issueAdded', ({ issue }) => watch.#issue(issue));
    session.on('Network.requestWillBeSent', (event) => {
      watch.#requests.set(event.requestId, event.loaderId);
      if (event.redirectResponse) watch.#weigh(event.loaderId, event.redirectResponse.encodedDataLength);
    });
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      watch.#weigh(watch.#requests.get(requestId), encodedDataLength);
    });
    await session.send('Network.enable');
    // Whoever comes for the first time has nothing in his cache.
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    await session.send('Audits.enable');
    return watch;
  }

  /** A document may be answered with this status from now on, until the next look. */
  allow(status) {
    this.#allowed.add(status);
  }

  /** The browser is about to be sent to a program of the machine, which is no page: that request ends as broken off. */
  leaving() {
    this.#leaving = true;
    this.left = true;
  }

  /** Waits until what has happened is heard, looks at the document itself, and throws what was found. */
  async settle() {
    if (this.ours.includes(origin(this.page.url()))) {
      const marks = await this.page.evaluate((LINKS) => [
        ...[...document.querySelectorAll('[data-canary]')].map((e) => `an element of a payload: <${e.localName}>`),
        ...[...document.querySelectorAll('*')].flatMap((e) =>
          [...e.attributes]
            .filter((a) => a.name.startsWith('on') || (LINKS.includes(a.name) && /^\s*(javascript|vbscript|data:text):?/i.test(a.value)))
            .map((a) => `<${e.localName} ${a.name}="${a.value}">`),
        ),
      ], LINKS);
      marks.forEach((mark) => this.#found('canary', mark));
      const weight = [...this.#weights.values()].reduce((most, bytes) => Math.max(most, bytes), 0);
      if (weight > MOST_BYTES) this.#found('weight', `${weight} bytes over the wire`);
    }
    const cause = await this.cause();
    if (cause) throw cause;
    this.#allowed.clear();
    this.#leaving = false;
    this.#weights.clear();
  }

  /** What was found first, if anything was; and before all the policy that forbade something, since more comes of that. */
  async cause() {
    // An answer of the browser comes after all that it told before.
    await this.session.send('Runtime.evaluate', { expression: '1' }).catch(() => {});
    return this.#flaws.find(({ check }) => check === POLICY) ?? this.#flaws[0];
  }

  #found(check, what) {
    this.#flaws.push(new Flaw(check, `${what} (at ${this.page.url()})`));
    this.#troubled();
  }

  #said(message) {
    if (!['error', 'warning', 'assert'].includes(message.type())) return;
    const text = message.text();
    const status = /status of (\d+)/.exec(text);
    if (status && this.#allowed.has(Number(status[1]))) return;
    const check = /Content Security Policy/.test(text) ? POLICY : 'console';
    this.#found(check, text.trim());
  }

  #answered(response) {
    const status = response.status();
    if (status < 400) return;
    const isDocument = response.request().isNavigationRequest();
    if (isDocument && this.#allowed.has(status)) return;
    this.#found(isDocument ? 'status' : 'failed request', `${response.url()} answered ${status}`);
  }

  #issue({ code, details }) {
    if (BESIDE.includes(code)) return;
    if (code === 'ContentSecurityPolicyIssue') {
      const { violatedDirective, blockedURL } = details.contentSecurityPolicyIssueDetails;
      this.#found(POLICY, `${violatedDirective} ${blockedURL ?? ''}`);
    } else {
      this.#found('advice', `${code} ${JSON.stringify(details).slice(0, 300)}`);
    }
  }

  #weigh(loader, bytes) {
    this.#weights.set(loader, (this.#weights.get(loader) ?? 0) + bytes);
  }
}

export function origin(url) {
  return URL.canParse(url) ? new URL(url).origin : '';
}
