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
    anyAccount: /./,
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
  },
  // What is said.
  says: {
    wrongPassword: /the user name or the password is wrong/i,
    wrongCurrentPassword: /the current password is wrong/i,
    alreadyAllowed: /^what it may do already/i,
    nameTaken: /taken|cannot be had|not available/i,
    noApplications: /there are none|no applications|not authorized any/i,
  },
  german: {
    login: /^anmelden/i,
    username: /^benutzername/i,
    password: /^passwort/i,
  },
};

export function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
