// The words by which a person finds his way, in one place: pages are found by these, by roles and by labels, never by how
// they are built. Field names are those of the contract.

export const words = {
  // A page, by its first heading.
  page: {
    login: /^sign in/i,
    signup: /^sign up|^create (an|your) account/i,
    choose: /^choose (an|the) account/i,
    consent: /^authorize .+\?$/i,
    logout: /^sign out\?/i,
    account: /^(your account|ann able)/i,
    sessions: /^your sessions/i,
    password: /^change your password/i,
    passwordChanged: /^your password was changed/i,
    expired: /^this form has expired/i,
    refused: /^this request cannot be answered/i,
    tooMany: /^too many failed attempts/i,
    notFound: /^not found/i,
    back: 'Back at the application',
  },
  // A field, by its label.
  field: {
    username: /^user name/i,
    password: /^password/i,
    email: /^e-mail/i,
    currentPassword: /^current password/i,
    newPassword: /^new password/i,
  },
  // A button or a link, by its name.
  button: {
    login: /^sign in$/i,
    signup: /^sign up$/i,
    approve: /^authorize/i,
    deny: /^deny$/i,
    logout: /^sign out$/i,
    changePassword: /^change password$/i,
    endSession: /^end (?!all)/i,
    endAllSessions: /^end all, and sign out/i,
    revoke: (application) => new RegExp(`^revoke\\b.*${literally(application)}`, 'i'),
  },
  link: {
    login: /^sign in$/i,
    signup: /^sign up$/i,
    logout: /^sign out$/i,
    password: /^change your password/i,
    sessions: /^sessions$/i,
    apps: /^applications$/i,
  },
  // What is said.
  says: {
    wrongPassword: /the user name or the password is wrong/i,
    wrongCurrentPassword: /the current password is wrong/i,
    alreadyAllowed: /^what it may do already/i,
    nameTaken: /taken|cannot be had|not available/i,
    noApplications: /there are none|no applications|not authorized any/i,
  },
  // The pages of whoever writes applications.
  apps: {
    page: {
      list: /^your applications$/i,
      register: /^register an application$/i,
      change: (name) => new RegExp(`^change ${literally(name)}$`, 'i'),
      delete: /^delete .+\?$/i,
    },
    field: {
      name: /^name$/i,
      description: /^description$/i,
      redirects: /^redirect uris/i,
      secret: /^client secret/i,
      clientId: /^client id/i,
      link: /^link$/i,
      overlap: /^when you make a new secret/i,
      confirm: /^type .+ to confirm/i,
    },
    option: { hour: 'stay valid for an hour' },
    button: {
      register: /^register$/i,
      save: /^save$/i,
      copySecret: /^copy client secret$/i,
      copyId: /^copy client id$/i,
      copyLink: /^copy link$/i,
      rotate: /^make a new secret$/i,
      delete: /^delete$/i,
    },
    link: {
      register: /^register an application$/i,
      change: /^change$/i,
      delete: /^delete$/i,
    },
    says: {
      wrongRedirect: /cannot be a redirect uri/i,
      oneGrant: /authorizations in force: 1$/i,
      differs: /this is not the name of the application/i,
      none: /you have registered none yet/i,
    },
  },
  // The pages of operators.
  console: {
    // What the menu has, which is what each page is headed.
    menu: {
      clients: /^clients$/i,
      users: /^users$/i,
      accounts: /^accounts$/i,
      grants: /^grants$/i,
      token: /^find a token$/i,
      'api keys': /^api keys$/i,
      'session tokens': /^session tokens$/i,
      'registration keys': /^registration keys$/i,
      keys: /^signing keys$/i,
      profiles: /^profiles$/i,
      audit: /^audit trail$/i,
      expiring: /^ends soon$/i,
      server: /^server$/i,
    },
    page: {
      overview: /^overview$/i,
      forbidden: /administrator|not for you|not allowed/i,
      about: (id) => new RegExp(`^user ${literally(id)}$`, 'i'),
      client: (id) => new RegExp(`^client ${literally(id)}$`, 'i'),
      grant: /^grant /i,
      sureToRevoke: /^revoke the grant /i,
      newClient: /^register a client$/i,
      once: /^shown this once$/i,
      newSecret: /^give .+ a new secret\?$/i,
      deleteClient: /^delete the client /i,
      rotate: /^add a signing key\?$/i,
      retire: /^take the signing key .+ out at once\?$/i,
    },
    field: {
      prefix: /^id begins with/i,
      token: /^token/i,
      clientId: /^client id/i,
      name: /^name/i,
      scope: /^scope$/i,
      authorizationCode: /^authorization code$/i,
      clientCredentials: /^client credentials$/i,
      code: /^code$/i,
      subject: /^user$/i,
      kind: /^kind$/i,
      by: /^by$/i,
      clientSecret: /^client secret/i,
      confirm: /^to go on, type its id/i,
    },
    button: {
      search: /^search$/i,
      lookUp: /^look up$/i,
      revoke: /^revoke$/i,
      register: /^register a client$/i,
      save: /^save$/i,
      newSecret: /^new secret$/i,
      delete: /^delete$/i,
      rotate: /^rotate$/i,
      retire: /^retire$/i,
    },
    option: { grantRevoked: 'grant revoked' },
    link: {
      grant: /^[\w-]{16,}$/,
      grants: /^the grants of this user for this client$/i,
      revoke: /^revoke$/i,
      newClient: /^register a client$/i,
      goOn: /^go on$/i,
      newSecret: /^new secret$/i,
      delete: /^delete$/i,
      rotate: /^rotate/i,
      retire: (kid) => new RegExp(`^retire ${literally(kid)}`, 'i'),
    },
    says: {
      revoked: /^it was revoked\.$/i,
      worthless: /^it is worth nothing:/i,
      notSame: /this is not its id\.$/i,
    },
  },
  // The same in other tongues, as far as somebody goes in them.
  german: {
    page: { login: /^anmelden/i, consent: /zulassen\?$/i },
    field: { username: /^benutzername/i, password: /^passwort/i },
    button: { login: /^anmelden$/i, approve: /^zulassen$/i },
  },
  // Of a message file of the operator's own, which reads from right to left: `scene.mjs` has it.
  arabic: { page: { login: 'تسجيل الدخول' } },
};

export function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
