// Chromium, as Debian has it, with nobody's settings.

import { existsSync } from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Starts it with a profile of its own, which goes with it. */
export async function openBrowser({ headed = false } = {}) {
  const args = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--force-color-profile=srgb',
  ];
  return chromium.launch({ executablePath: executable(), headless: !headed, args });
}

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const places = (process.env.PATH ?? '').split(path.delimiter);
  const found = NAMES.flatMap((name) => places.map((place) => path.join(place, name))).find((file) => existsSync(file));
  if (!found) throw new Error('there is no chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM');
  return found;
}
