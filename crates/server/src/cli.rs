//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use grantor_core::client::{AccessTokenFormat, AuthMethod, GrantType, ResponseType};
use grantor_core::profile::ScopeEncoding;
use grantor_core::{AccountId, ClientId, GrantId, Lifetime, RedirectUri, Scope, SubjectId};
use grantor_directory::{CredentialId, Membership, UserName};
use grantor_engine::{Algorithm, Engine};
use serde::Serialize;

use crate::storage::StorageUrl;

/// An OAuth 2.0 authorization server.
#[derive(Parser)]
#[command(name = "grantor", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file; without it `grantor.toml` in the working folder, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON value on standard output and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or SIGINT.
    Serve {
        /// Where to write the server's addresses, as JSON, once it listens.
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
        /// Make a client and a user for each profile, serve a small protected API with it, and print commands to paste.
        #[arg(long)]
        demo: bool,
    },
    /// Check the configuration and do nothing.
    CheckConfig,
    /// Make clients, users, accounts and what guards registration what a JSON file says; the same file twice changes nothing.
    Import {
        /// The file, or `-` for standard input.
        file: String,
    },
    /// Print clients, users and accounts in the shape of an import file, without their secrets.
    Export,
    /// Registrations.
    #[command(subcommand)]
    Client(ClientCommand),
    /// The embedded directory.
    #[command(subcommand)]
    User(UserCommand),
    /// Grants: who allowed which client what.
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Single tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Signing keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// The store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Accounts that users act for.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Dialects: what a service's clients send and are answered.
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Tokens with which a user's own tool acts for him at a profile's registration resource.
    #[command(subcommand)]
    SessionToken(SessionTokenCommand),
    /// Keys that guard a profile's registration resource.
    #[command(subcommand)]
    RegistrationKey(RegistrationKeyCommand),
    /// Long-lived keys that people's own programs show for short-lived tokens.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Run again what a replay bundle tells of, without a store, a network or a key, and say whether the answer is the same.
    Replay {
        /// The bundle, or `-` for standard input.
        file: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum ProfileCommand {
    /// Those that the configuration serves, and those that come with grantor.
    List,
    /// Every value of one: of the configuration, or of those that come with grantor.
    Show { name: String },
    /// Read a profile file, and list each danger that it switches on.
    Check { file: PathBuf },
}

#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client. Its secret is printed once, now.
    Create {
        /// Its id; a random one if absent.
        id: Option<ClientId>,
        /// The profile it belongs to; the first of the configuration if absent.
        #[arg(long)]
        profile: Option<String>,
        #[command(flatten)]
        changes: Box<ClientChanges>,
        /// Take its secret from this file, or from standard input if it is `-`, and mint none.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<String>,
    },
    /// All registrations.
    List,
    /// One registration.
    Show {
        #[arg(allow_hyphen_values = true)]
        id: ClientId,
    },
    /// Change what is given and leave the rest.
    Update {
        #[arg(allow_hyphen_values = true)]
        id: ClientId,
        #[command(flatten)]
        changes: Box<ClientChanges>,
    },
    /// Mint a new secret and print it, once.
    RotateSecret {
        #[arg(allow_hyphen_values = true)]
        id: ClientId,
        /// How long the old secrets stay valid.
        #[arg(long, default_value = "0")]
        overlap: Lifetime,
    },
    /// End a client and all its tokens. Its id is never given again.
    Delete {
        #[arg(allow_hyphen_values = true)]
        id: ClientId,
    },
}

/// What of a registration is set, by the names of RFC 7591, which it is serialized by. An empty text removes an optional
/// one.
#[derive(Args, Clone, Serialize)]
pub(crate) struct ClientChanges {
    /// The name people are shown.
    #[arg(long)]
    #[serde(rename = "client_name")]
    pub(crate) name: Option<String>,
    /// What it does, for the people who are asked.
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Its home page.
    #[arg(long, value_name = "URL")]
    pub(crate) client_uri: Option<String>,
    /// Its picture.
    #[arg(long, value_name = "URL")]
    pub(crate) logo_uri: Option<String>,
    /// Where answers may go; once for each.
    #[arg(long, value_name = "URI", value_parser = RedirectUri::parse)]
    #[serde(rename = "redirect_uris")]
    pub(crate) redirect_uri: Vec<RedirectUri>,
    /// How it may get tokens; once for each, or parted by commas.
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = grant_type)]
    #[serde(rename = "grant_types")]
    pub(crate) grant_type: Vec<GrantType>,
    /// What it may ask for at the authorization endpoint.
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = response_type)]
    #[serde(rename = "response_types")]
    pub(crate) response_type: Vec<ResponseType>,
    /// The most it may ask for, parted by spaces.
    #[arg(long)]
    pub(crate) scope: Option<Scope>,
    /// What it gets when it does not say.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) default_scope: Option<Scope>,
    /// How it authenticates: client_secret_basic, client_secret_post or none.
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    #[serde(rename = "token_endpoint_auth_method")]
    pub(crate) auth_method: Option<AuthMethod>,
    /// It cannot keep a secret: the same as --auth-method none.
    #[arg(long, conflicts_with = "auth_method")]
    #[serde(skip)]
    pub(crate) public: bool,
    /// Whether it must use PKCE. A public client always must.
    #[arg(long, value_name = "BOOL")]
    pub(crate) require_pkce: Option<bool>,
    /// What its access tokens are: reference or jwt.
    #[arg(long, value_name = "FORMAT", value_parser = access_token_format)]
    pub(crate) access_token_format: Option<AccessTokenFormat>,
    /// How the scope is written in its token answers, where not as the profile has it: text, list or commas.
    #[arg(long, value_name = "FORM", value_parser = scope_encoding)]
    pub(crate) token_response_scope: Option<ScopeEncoding>,
    /// Whom its access tokens are for.
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) access_token_audience: Option<String>,
    /// It is a resource server of this audience, and may introspect tokens made for it.
    #[arg(long)]
    pub(crate) audience: Option<String>,
    /// The user it belongs to.
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<SubjectId>,
    /// Whether it is switched off.
    #[arg(long, value_name = "BOOL")]
    pub(crate) disabled: Option<bool>,
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user. Without --password-file a password is minted and printed once, now.
    Create {
        username: UserName,
        #[command(flatten)]
        changes: UserChanges,
    },
    /// All users.
    List,
    /// One user.
    Show { username: UserName },
    /// Change what is given and leave the rest.
    Update {
        username: UserName,
        #[command(flatten)]
        changes: UserChanges,
    },
    /// End a user's sessions and tokens; he cannot log in until he is enabled.
    Disable { username: UserName },
    /// Let a disabled user log in again.
    Enable { username: UserName },
    /// End a user's sessions and tokens and forget all but his name, which nobody gets again.
    Delete { username: UserName },
}

/// What of a user is set, as the API has it. An empty text removes an optional one.
#[derive(Args, Clone, Serialize)]
pub(crate) struct UserChanges {
    /// Take his password from this file, or from standard input if it is `-`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) password_file: Option<String>,
    /// His e-mail address.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// His name, for people to read.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where his picture is.
    #[arg(long, value_name = "URL")]
    pub(crate) avatar: Option<String>,
    /// Whether he administers this server.
    #[arg(long, value_name = "BOOL")]
    pub(crate) admin: Option<bool>,
    /// An account he may act for, and as what; once for each. Replaces all he had.
    #[arg(long, value_name = "ID:ROLE", value_parser = membership)]
    #[serde(rename = "accounts")]
    pub(crate) account: Vec<Membership>,
    /// One more account, or another role in one of his; once for each.
    #[arg(long, value_name = "ID:ROLE", value_parser = membership, conflicts_with = "account")]
    #[serde(rename = "add_accounts")]
    pub(crate) add_account: Vec<Membership>,
    /// An account he may act for no more; once for each.
    #[arg(long, value_name = "ID", conflicts_with = "account")]
    #[serde(rename = "remove_accounts")]
    pub(crate) remove_account: Vec<AccountId>,
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account.
    Create {
        id: AccountId,
        #[command(flatten)]
        changes: AccountChanges,
    },
    /// All accounts.
    List,
    /// One account.
    Show { id: AccountId },
    /// Change what is given and leave the rest.
    Update {
        id: AccountId,
        #[command(flatten)]
        changes: AccountChanges,
    },
    /// Forget all about an account but its id, which no other gets.
    Delete { id: AccountId },
}

/// What of an account is set, as the API has it. An empty text removes an optional one.
#[derive(Args, Clone, Serialize)]
pub(crate) struct AccountChanges {
    /// Its name, for people to read.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where it lives.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Whether OAuth is on for it; off until it is switched on.
    #[arg(long, value_name = "BOOL")]
    pub(crate) oauth_enabled: Option<bool>,
}

#[derive(Subcommand)]
pub(crate) enum GrantCommand {
    /// All grants, or one user's, or one client's.
    List {
        /// Only this user's.
        #[arg(long)]
        user: Option<UserName>,
        /// Only this client's.
        #[arg(long)]
        client: Option<ClientId>,
    },
    /// End a grant and all its tokens.
    Revoke {
        // Whatever it begins with: ids are random.
        #[arg(allow_hyphen_values = true)]
        id: GrantId,
    },
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// What a token is worth.
    Introspect {
        /// The token, or `-` for standard input, where other users of this machine cannot see it.
        #[arg(allow_hyphen_values = true)]
        token: String,
    },
    /// End a token.
    Revoke {
        /// The token, or `-` for standard input, where other users of this machine cannot see it.
        #[arg(allow_hyphen_values = true)]
        token: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// All signing keys and what they are at.
    List,
    /// Add a key. It is published at once and signs later; the old one verifies until its last token has ended.
    Rotate {
        /// How it signs; as configured if absent.
        #[arg(long)]
        algorithm: Option<Algorithm>,
        /// How long it is published before it signs. 0 is for emergencies: who has the old set cannot verify.
        #[arg(long, default_value_t = Engine::KEY_AHEAD)]
        ahead: Lifetime,
    },
    /// Take a key out at once, for when it leaked: what it signed is worth nothing from now on.
    Retire {
        /// The key's name, as `key list` shows it.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// What the store is, and what its acknowledgement is worth.
    Info,
    /// Read everything and change nothing: is it all whole?
    Check,
    /// Remove what is long past, now. A running server does so by itself.
    Purge,
    /// Copy everything into another store, and compare. No server may run on either.
    Copy {
        /// The store to read, as in `sqlite:grantor-data/grantor.db`.
        #[arg(long)]
        from: StorageUrl,
        /// The store to write.
        #[arg(long)]
        to: StorageUrl,
        /// Replace what differs in the target.
        #[arg(long)]
        overwrite: bool,
    },
    /// Give up the move from storage.url to storage.also: nobody can take the lead with the copy from then on.
    GiveUp {
        /// The copy is lost and cannot be asked. What a server that was started on it acknowledged is lost with it.
        #[arg(long)]
        danger_copy_is_lost: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum SessionTokenCommand {
    /// Make a session token and print it, once.
    Create {
        /// The profile it is good for.
        #[arg(long, value_name = "NAME")]
        profile: String,
        /// The user it acts for.
        #[arg(long)]
        user: UserName,
        /// When it ends by itself; never if absent.
        #[arg(long, value_name = "LIFETIME")]
        expires_in: Option<Lifetime>,
    },
    /// All session tokens that have not ended, or one user's, or one profile's. The tokens themselves nobody can show.
    List {
        /// Only this user's.
        #[arg(long)]
        user: Option<UserName>,
        /// Only this profile's.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// End a session token for good.
    Delete {
        /// Its id, as `session-token list` shows it.
        id: CredentialId,
    },
}

#[derive(Subcommand)]
pub(crate) enum RegistrationKeyCommand {
    /// Make a registration key and print it, once.
    Create {
        /// The profile it is good for.
        #[arg(long, value_name = "NAME")]
        profile: String,
    },
    /// All registration keys that have not ended, or one profile's. The keys themselves nobody can show.
    List {
        /// Only this profile's.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// End a registration key for good. What was registered with it stays.
    Delete {
        /// Its id, as `registration-key list` shows it.
        id: CredentialId,
    },
}

#[derive(Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Make an API key and print it, once.
    Create {
        /// The profile it is good for; the only one that has API keys if absent.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// The user for whom its tokens speak; for itself if absent.
        #[arg(long, value_name = "USER")]
        owner: Option<UserName>,
        /// What it is for, for people to read.
        #[arg(long)]
        name: Option<String>,
    },
    /// All API keys, or one profile's. The keys themselves nobody can show.
    List {
        /// Only this profile's.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// One API key, by its id, as `api-key list` shows it.
    Show { id: ClientId },
    /// End an API key and all its tokens, for good.
    Delete { id: ClientId },
}

fn one_of<T: Copy>(known: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let found = known.iter().copied().find(|known| name(*known) == text);
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|known| name(*known)).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    one_of(GrantType::ALL, GrantType::as_str, text)
}

fn response_type(text: &str) -> Result<ResponseType, String> {
    one_of(ResponseType::ALL, ResponseType::as_str, text)
}

fn auth_method(text: &str) -> Result<AuthMethod, String> {
    one_of(AuthMethod::ALL, AuthMethod::as_str, text)
}

fn access_token_format(text: &str) -> Result<AccessTokenFormat, String> {
    one_of(AccessTokenFormat::ALL, AccessTokenFormat::as_str, text)
}

fn scope_encoding(text: &str) -> Result<ScopeEncoding, String> {
    one_of(ScopeEncoding::ALL, ScopeEncoding::as_str, text)
}

fn membership(text: &str) -> Result<Membership, String> {
    let (id, role) = text.split_once(':').ok_or("write ID:ROLE, as in 35:manager")?;
    Ok(Membership { id: AccountId::parse(id).map_err(|e| e.to_string())?, role: role.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_random_may_begin_with_a_hyphen() {
        for line in [
            ["grant", "revoke", "-AAAAAAAAAAAAAAAAAAAAA"],
            ["key", "retire", "-a"],
            ["client", "show", "-a"],
            ["token", "revoke", "-a"],
            ["token", "introspect", "-"],
        ] {
            let parsed = Cli::try_parse_from(["grantor"].into_iter().chain(line));
            assert!(parsed.is_ok(), "{line:?}: {:?}", parsed.err().map(|e| e.to_string()));
        }
    }
}
