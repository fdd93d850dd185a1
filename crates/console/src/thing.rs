//! What operators look after, as data: a page is a row of a table here, and no handler of its own.

/// Clients, users, grants, …: whatever there are many of.
pub(crate) struct Thing {
    /// Its place among the pages, as in `/clients`, and the key of its words.
    pub(crate) name: &'static str,
    /// Where the API lists them. One is at the same place, under its id.
    pub(crate) api: &'static str,
    /// The field that names one.
    pub(crate) id: &'static str,
    /// What the list can be asked by. None, if there is no page with all of them.
    pub(crate) list: Option<&'static [Field]>,
    /// Where the API tells more of one, beside what it is.
    pub(crate) more: &'static str,
    /// What a list shows of each.
    pub(crate) columns: &'static [Field],
    /// What the page of one shows. Nothing, if there is no such page.
    pub(crate) shown: &'static [Field],
    /// What is asked for a new one, before what can be changed of it later. Nothing, if none can be made here.
    pub(crate) make: &'static [Field],
    /// What of one can be changed.
    pub(crate) change: &'static [Field],
    /// What can be done.
    pub(crate) acts: &'static [Act],
    /// What else there is of one.
    pub(crate) related: &'static [Related],
    /// Whether it can be given a picture.
    pub(crate) pictured: bool,
    /// Where the API tells how much it is used.
    pub(crate) usage: &'static str,
    /// What an answer tells this once, when one is made.
    pub(crate) once: &'static str,
}

impl Thing {
    /// What those have that have little.
    pub(crate) const BARE: Thing = Thing {
        name: "",
        api: "",
        id: "id",
        list: None,
        more: "",
        columns: &[],
        shown: &[],
        make: &[],
        change: &[],
        acts: &[],
        related: &[],
        pictured: false,
        usage: "",
        once: "",
    };

    /// What is asked for a new one.
    pub(crate) fn asked_new(&self) -> Vec<Field> {
        self.make.iter().chain(self.change).copied().collect()
    }

    /// Whether one has a page of its own.
    pub(crate) fn has_page(&self) -> bool {
        !self.shown.is_empty()
    }
}

/// A piece of what is known, or asked for.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// Its name in the API, and the key of its words.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What a new one has, unless something else is chosen.
    pub(crate) default: &'static str,
}

/// How a field is shown, and how it is entered.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A line of text.
    Text,
    /// More than a line.
    Long,
    /// An e-mail address.
    Mail,
    /// A secret. It is entered, and never shown.
    Password,
    /// Texts, each on a line of its own.
    Lines,
    /// The name of a thing, by the place of its page.
    Of(&'static str),
    /// Names of such things, each on a line of its own.
    Ofs(&'static str),
    /// Yes or no.
    Flag,
    /// A word of these, or none.
    One(&'static [&'static str]),
    /// Some of these words.
    Some(&'static [&'static str]),
    /// A word of the API's.
    Word,
    /// Unix milliseconds; a moment in UTC where it is entered.
    Time,
    /// Who did something: a sort of actor, and its name.
    Actor,
    /// Unix seconds.
    Seconds,
    /// Accounts and what a user is there: each on a line, the account first.
    Members,
    /// Permissions: each on a line, as type, account and actions.
    Permissions,
    /// Values within values.
    Values,
    /// What is dangerous, and why.
    Dangers,
    /// How many.
    Count,
    /// Since when and until when a client's secrets are good.
    Secrets,
    /// What ends soon: its kind is told beside it.
    Ending,
}

/// Something to be done, after it was asked whether it really should.
pub(crate) struct Act {
    /// Its place below its thing's, as in `/clients/delete`; with its thing, the key of its words.
    pub(crate) name: &'static str,
    pub(crate) by: By,
    /// Where the API does it. What stands in braces is a parameter of the page.
    pub(crate) api: &'static str,
    /// What is asked for beside.
    pub(crate) fields: &'static [Field],
    /// Whether much is lost by it: then the id is to be typed, too.
    pub(crate) grave: bool,
    /// Whether something ends by it, so that whoever is about to do it is warned.
    pub(crate) ends: bool,
    /// What must be so of the thing for it to be offered: a field, and its value as a form has it; with `!`, any other.
    pub(crate) when: Option<(&'static str, &'static str)>,
    /// What the answer tells this once.
    pub(crate) once: &'static str,
    /// Where to go on, in the manner of `api`.
    pub(crate) then: &'static str,
}

impl Act {
    /// Whether it is done to one thing, and not to all.
    pub(crate) fn is_of_one(&self) -> bool {
        self.api.contains("{id}")
    }
}

/// By which method the API does it.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Post,
    Patch,
    Delete,
    /// By these changes.
    Setting(&'static str, bool),
}

/// A list of other things on the page of one.
pub(crate) struct Related {
    /// Which things.
    pub(crate) thing: &'static str,
    /// Where the API lists them. Nothing, if that would cost too much: then there is a link alone.
    pub(crate) api: &'static str,
    /// Where there are all of them. Nothing, if these are all.
    pub(crate) all: &'static str,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, default: "" }
}

impl Field {
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

macro_rules! kinds {
    ($($make:ident = $kind:ident;)*) => {
        $(pub(crate) const fn $make(name: &'static str) -> Field {
            field(name, Kind::$kind)
        })*
    };
}

kinds! {
    text = Text;
    long = Long;
    mail = Mail;
    password = Password;
    lines = Lines;
    flag = Flag;
    word = Word;
    time = Time;
    actor = Actor;
    seconds = Seconds;
    members = Members;
    permissions = Permissions;
    values = Values;
    dangers = Dangers;
    count = Count;
    secrets = Secrets;
    ending = Ending;
}

pub(crate) const fn of(thing: &'static str, name: &'static str) -> Field {
    field(name, Kind::Of(thing))
}

pub(crate) const fn ofs(thing: &'static str, name: &'static str) -> Field {
    field(name, Kind::Ofs(thing))
}

pub(crate) const fn one(words: &'static [&'static str], name: &'static str) -> Field {
    field(name, Kind::One(words))
}

pub(crate) const fn some(words: &'static [&'static str], name: &'static str) -> Field {
    field(name, Kind::Some(words))
}
