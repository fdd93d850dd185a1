// What the subject is filled with: everything, so that every page has something to show.

const STANDARD = { authorize: '/oauth2/authorize', token: '/oauth2/token', introspect: '/oauth2/introspect' };
const WISTIA = { authorize: '/oauth/authorize', token: '/oauth/token', introspect: '/oauth/introspect' };
const WEBMAKER = { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token' };

export const PASSWORD = 'correct horse battery staple';

/** What an injected payload would do: call what the watch hears, or leave an element that it finds. */
export const HOSTILE = {
  name: `"><script>canary('name')</script><img data-canary src=x onerror=canary('img')>`,
  short: `'"><b data-canary>&amp;</b>`,
  description: `</p></main><script>canary('description')</script><svg data-canary onload=canary('svg')> {{ 7*7 }} \${7*7} javascript:canary('link')`,
  query: `"><script>canary('query')</script><i data-canary>`,
  agent: `Mozilla/5.0 "><script>canary('agent')</script><b data-canary>`,
  long: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(2),
};

/** A picture for an application, as whoever writes it would upload it. */
export const PICTURE = {
  name: 'album.png', mimeType: 'image/png',
  buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAGAAAABgAgMAAACf9p+rAAAACVBMVEW/3fT2uTsvfU+vQi4tAAAAqElEQVR42u3SvRGDMAyGYcIdjfsskSkyQgq0j0dxqdOUQMgPhu8t6LiEr9Rj6Xy2mubMkXM1k/WLmT0UdCP0CmzKXU+SsxC6J/TyslN2wFwX1/pf2P+I+B/7vxa3hPcKNxF398xBkmKMb+u3mCPPi542PikVxCJZDVoPi9AtqQaHhm9LWoNDw7ul3UKpHmMZmPSapcAJAqEQOEEgZAInCIRMUAicIH4eBmzkA/ycGFiSAAAAAElFTkSuQmCC', 'base64'),
};
/** A file that is none, whatever its name says. */
export const NO_PICTURE = { name: 'album.png', mimeType: 'image/png', buffer: Buffer.from('not a picture at all') };

/** What an operator makes of the pages by configuration alone, and how it is known again. */
export const BRAND = {
  name: 'Lakeside Video',
  colour: { set: '#0b6b3a', seen: 'rgb(11, 107, 58)' },
  links: { Terms: 'https://lakeside.example.test/terms', Help: 'mailto:help@lakeside.example.test' },
  edge: '6px',
  farewell: 'Your films stay where they are',
};

/** The configuration of a subject that is branded, and the files that it names. */
export function branded(storage) {
  const links = Object.entries(BRAND.links).map(([text, href]) => `${text} ${href}`);
  const brand = `[pages]
name = ${JSON.stringify(BRAND.name)}
colour = "${BRAND.colour.set}"
logo_file = "lakeside.svg"
css_file = "lakeside.css"
links = ${JSON.stringify(links)}
templates = "templates"
`;
  return {
    'grantor.toml': configuration(storage).replace('[pages]\nmessages = ["ar.toml"]', `${brand}messages = ["ar.toml", "fr.toml"]`),
    ...MESSAGES,
    'fr.toml': `language = "fr"
name = "Français"
[login]
title = "Se connecter"
username = "Nom d’utilisateur ou adresse e-mail"
password = "Mot de passe"
submit = "Se connecter"
`,
    'lakeside.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64" viewBox="0 0 96 64"><rect width="96" height="64" rx="8" fill="#0b6b3a"/><path d="M38 18v28l24-14z" fill="#fff"/></svg>',
    'lakeside.css': `.card { border-block-start: ${BRAND.edge} solid var(--accent) }\n`,
    'templates/logout.html': `<div class="card">
<h1>{{ words.logout.title }}</h1>
{% include "_farewell.html" %}
<form method="post" action="{{ page.action }}">
<input type="hidden" name="csrf" value="{{ page.csrf }}">
<button type="submit" class="primary wide">{{ words.logout.submit }}</button>
</form>
</div>
`,
    'templates/_farewell.html': `<p>${BRAND.farewell}, {{ page.user }}.</p>\n`,
  };
}

/** The configuration of the subject. The standard profile is on the public listener, each other on one of its own. */
export function configuration(storage) {
  const profiles = ['standard', 'wistia', 'webmaker', 'brightcove', 'flex', 'api-video'].map(
    (name) => `[[profile]]\nname = "${name}"\npreset = "${name}"\n${name === 'standard' ? '' : 'listen = "127.0.0.1:0"\n'}`,
  );
  return `[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
[storage]
url = ${JSON.stringify(storage)}
[rate_limits]
# Few enough in a time that is long enough: too many is too many on a slow machine, too.
login = "6/10m"
[pages]
messages = ["ar.toml"]
[scopes]
profile = { description.en = "See your name and your picture", description.de = "Ihren Namen und Ihr Bild sehen" }
"photos:read" = { description.en = "See your photos", description.de = "Ihre Fotos sehen" }
"photos:write" = { description.en = "Add, change and delete your photos", description.de = "Fotos hinzufügen, ändern und löschen" }
"mail:send" = { description.en = "Send you mail about your orders", description.de = "Ihnen zu Ihren Bestellungen schreiben", optional = true }
"mail:offers" = { description.en = "Send you offers", description.de = "Ihnen Angebote schicken", optional = true }
${profiles.join('')}`;
}

/** A language of the operator's own, which reads from right to left. What it leaves out is said in English. */
export const MESSAGES = {
  'ar.toml': `language = "ar"
name = "العربية"
direction = "rtl"
[login]
title = "تسجيل الدخول"
username = "اسم المستخدم أو البريد الإلكتروني"
password = "كلمة المرور"
submit = "تسجيل الدخول"
`,
};

/** The applications, for an app that is served there. */
export function clients(origin) {
  const confidential = (client) => ({
    client_secret: `${client.client_id}-secret-0123456789abcdef`,
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...client,
  });
  return {
    photos: confidential({
      client_id: 'photo-book', client_name: 'Photo Book', description: 'Prints your photos as a book and sends it to you',
      profile: 'standard', redirect_uris: [`${origin}/photos`], scope: 'profile photos:read photos:write', endpoints: STANDARD,
    }),
    shop: confidential({
      client_id: 'print-shop', client_name: 'Print Shop', description: 'Prints on cups and shirts', profile: 'standard',
      redirect_uris: [`${origin}/shop`], scope: 'photos:read mail:send mail:offers', endpoints: STANDARD,
    }),
    native: {
      client_id: 'pocket-album', client_name: 'Pocket Album', description: 'Your photos on your phone', profile: 'standard',
      redirect_uris: ['com.example.album:/cb'], scope: 'photos:read', grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none', endpoints: STANDARD,
    },
    hostile: confidential({
      client_id: 'hostile', client_name: HOSTILE.name, description: HOSTILE.description, profile: 'standard',
      redirect_uris: [`${origin}/hostile`], scope: 'profile photos:read', endpoints: STANDARD,
    }),
    long: confidential({
      client_id: 'long', client_name: HOSTILE.long, description: `${HOSTILE.long} ${HOSTILE.long}`, profile: 'standard',
      redirect_uris: [`${origin}/long`], scope: 'profile photos:read', endpoints: STANDARD,
    }),
    wistia: confidential({
      client_id: '5e7580f112852db6708eac9ce77f6592ffb95a3443e2f038de2ed5a82d7ca8d1',
      client_secret: 'f4fa3d09f45c5c5be6e1f9f0a336e24493f9cff9ed310442f4b5270c34be6fc2',
      client_name: 'Video Wall', description: 'Shows your videos on the wall', profile: 'wistia',
      redirect_uris: [`${origin}/wistia`], scope: 'all:read media:upload', endpoints: WISTIA,
    }),
    webmaker: {
      client_id: 'wm_id_0123456789abcdefghij', client_secret: 'wm_secret_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN',
      client_name: "Buckley's Bees", description: "Buckley's Bees sells the best honey in Ontario", profile: 'webmaker',
      redirect_uris: [`${origin}/webmaker`], grant_types: ['authorization_code', 'implicit'], response_types: ['code', 'token'],
      scope: 'user email', token_endpoint_auth_method: 'client_secret_post', endpoints: WEBMAKER,
    },
  };
}

/** What is imported once. */
export function standing(origin) {
  return {
    clients: Object.values(clients(origin)).map(({ endpoints, ...client }) => client),
    accounts: [
      { id: '35', name: 'Acme', url: 'https://acme.example.test', oauth_enabled: true },
      { id: '36', name: 'Globex', url: 'https://globex.example.test', oauth_enabled: true },
      { id: '66', name: HOSTILE.short, url: 'https://hostile.example.test', oauth_enabled: true },
    ],
  };
}

/** Somebody for one journey, whom no other journey has changed. */
export function somebody(username, more = {}) {
  return { username, password: PASSWORD, email: `${username}@example.test`, name: 'Ann Able', ...more };
}
