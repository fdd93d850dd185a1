// The real server, as an operator runs it: configured, filled and started through the outside contract alone.

import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { MESSAGES, branded, configuration, standing } from './scene.mjs';

const START = 60_000;

export class Subject {
  /** A server in a folder of its own, with what stands in every scene. */
  static async start({ binary, folder, storage, origin }) {
    const files = { 'grantor.toml': configuration(storage ?? local(folder)), ...MESSAGES };
    return Subject.#start({ binary, folder, origin }, files);
  }

  /** Another, which an operator has made his own. It is started when it is first asked for, and ends with this one. */
  branded() {
    const folder = path.join(this.folder, 'branded');
    this.another ??= Subject.#start({ binary: this.binary, folder, origin: this.origin }, branded(local(folder)));
    return this.another;
  }

  static async #start({ binary, folder, origin }, files) {
    const subject = new Subject();
    Object.assign(subject, { binary, folder, origin, configuration: path.join(folder, 'grantor.toml') });
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    await subject.import(standing(origin));
    const ready = path.join(folder, 'ready.json');
    const log = openSync(path.join(folder, 'serve.log'), 'w');
    const child = spawn(binary, ['serve', '--ready-file', ready, '--config', subject.configuration], {
      cwd: folder, env: withoutOurs(), stdio: ['ignore', log, log],
    });
    subject.child = child;
    subject.ended = new Promise((ended) => child.once('exit', (code, signal) => ended(code ?? signal)));
    // Whatever becomes of this process, the server must not outlive it.
    process.once('exit', () => child.kill('SIGKILL'));
    const addresses = await subject.#addresses(ready);
    subject.places = { standard: addresses.public, admin: addresses.admin, ...addresses.profiles };
    for (const [name, url] of Object.entries(subject.places)) subject.places[name] = url.replace(/\/$/, '');
    subject.origins = [...new Set(Object.values(subject.places).map((url) => new URL(url).origin))];
    return subject;
  }

  /** Imports what an operator's file may hold, beside the running server too. */
  async import(registrations) {
    this.imports = (this.imports ?? 0) + 1;
    const file = path.join(this.folder, `import-${this.imports}.json`);
    writeFileSync(file, JSON.stringify(registrations));
    await this.grantor('import', file);
  }

  /** Runs a command of the binary, and gives what it printed. */
  async grantor(...words) {
    const options = { cwd: this.folder, env: withoutOurs() };
    const { stdout } = await promisify(execFile)(this.binary, [...words, '--config', this.configuration], options);
    return stdout;
  }

  /** Stops it as an init would, and expects an orderly end. */
  async stop() {
    if (this.another) await (await this.another).stop();
    this.child.kill('SIGTERM');
    const ended = await this.ended;
    if (ended !== 0) throw new Error(`grantor serve answered SIGTERM with ${ended}\n${this.log()}`);
    const log = readFileSync(path.join(this.folder, 'serve.log'), 'utf8');
    const panic = log.split('\n').find((line) => line.includes('panicked'));
    if (panic) throw new Error(`the server panicked: ${panic}`);
  }

  /** The end of what the server wrote. */
  log() {
    const file = path.join(this.folder, 'serve.log');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-40).join('\n') : '';
  }

  async #addresses(file) {
    let ended = null;
    this.ended.then((how) => (ended = how));
    for (const deadline = Date.now() + START; Date.now() < deadline; await pause(20)) {
      if (ended !== null) throw new Error(`grantor serve ended by itself: ${ended}\n${this.log()}`);
      try {
        return JSON.parse(readFileSync(file, 'utf8'));
      } catch {
        // Not there yet, or not whole.
      }
    }
    throw new Error(`grantor serve wrote no ready file in ${START / 1000} s\n${this.log()}`);
  }
}

function local(folder) {
  return `sqlite:${path.join(folder, 'grantor.db')}`;
}

/** Without this process's own configuration of a grantor: the file alone is to speak. */
function withoutOurs() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GRANTOR__')));
}
