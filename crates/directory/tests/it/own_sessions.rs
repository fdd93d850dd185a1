use std::sync::Arc;

use grantor_core::{Lifetime, Limits, Secret};
use grantor_directory::{SessionId, SessionList, Settings, UserDirectory};

use crate::{at, create, directory, directory_with, settings, subject};

const HOUR: Lifetime = Lifetime::seconds(3600);

#[tokio::test]
async fn a_person_sees_his_sessions_by_names_that_open_none() {
    let (store, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let agents = [Some("Mozilla/5.0 (X11; Linux)\r\n"), None];
    let mut cookies = Vec::new();
    for (now, agent) in (0..).zip(agents) {
        cookies.push(directory.start_session(&alice, None, agent, at(now), HOUR).await.unwrap().1);
    }
    let SessionList { sessions, more } = directory.sessions(&subject("alice"), at(9)).await.unwrap();
    let ids: Vec<_> = cookies.iter().rev().map(SessionId::of).collect();
    assert_eq!((sessions.iter().map(|s| s.id).collect::<Vec<_>>(), more), (ids, false));
    let agents: Vec<_> = sessions.iter().map(|s| s.user_agent.as_deref()).collect();
    assert_eq!(agents, [None, Some("Mozilla/5.0 (X11; Linux)")]);
    let gets = store.gets();
    for session in sessions {
        for text in [session.id.to_string(), format!("gra_ss_{}", session.id)] {
            assert!(directory.find_session(&Secret::new(text), at(9)).await.unwrap().is_none());
        }
    }
    assert_eq!(store.gets(), gets, "a name was taken for a cookie");
}

/// P18: by its name a session is ended by the one whose it is, and by nobody else.
#[tokio::test]
async fn a_session_is_ended_by_name_by_its_own_user_alone() {
    let (_, directory) = directory();
    let (alice, bob) = (create(&directory, "alice", "pw").await, create(&directory, "bob", "pw").await);
    let users: Arc<dyn UserDirectory> = directory;
    let (_, alices) = users.start_session(&alice, None, None, at(0), HOUR).await.unwrap();
    let (_, bobs) = users.start_session(&bob, None, None, at(0), HOUR).await.unwrap();
    let ids = [&alices, &bobs].map(SessionId::of);
    assert!(!users.end_session_of(&alice.subject, ids[1]).await.unwrap());
    assert!(users.find_session(&bobs, at(1)).await.unwrap().is_some());
    assert!(!users.end_session_of(&alice.subject, "0".repeat(64).parse().unwrap()).await.unwrap());
    for ended in [true, false] {
        assert_eq!(users.end_session_of(&alice.subject, ids[0]).await.unwrap(), ended);
        assert!(users.find_session(&alices, at(1)).await.unwrap().is_none());
    }
    // Of others by a cookie that is another's: nothing either.
    assert!(!users.end_other_sessions(&alice.subject, &bobs, at(1)).await.unwrap());
    assert!(users.find_session(&bobs, at(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn ending_all_others_spares_the_one_in_use_and_ends_what_is_just_being_started() {
    let (_, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let bob = create(&directory, "bob", "pw").await;
    let begin = async |user| directory.start_session(user, None, None, at(0), HOUR).await.unwrap().1;
    let (kept, other, bobs) = (begin(&alice).await, begin(&alice).await, begin(&bob).await);
    let before = directory.user(&alice.subject).await.unwrap().unwrap();
    assert!(directory.end_other_sessions(&alice.subject, &kept, at(1)).await.unwrap());
    // By a login from before, as it were on its way.
    let late = begin(&before).await;
    let lives = async |cookie| directory.find_session(cookie, at(2)).await.unwrap().is_some();
    assert_eq!(
        [lives(&kept).await, lives(&other).await, lives(&late).await, lives(&bobs).await],
        [true, false, false, true]
    );
    let list = directory.sessions(&alice.subject, at(2)).await.unwrap();
    assert_eq!(list.sessions.iter().map(|s| s.id).collect::<Vec<_>>(), [SessionId::of(&kept)]);
    // A session that is over spares nothing and ends nothing.
    assert!(!directory.end_other_sessions(&alice.subject, &other, at(2)).await.unwrap());
    assert!(!directory.end_other_sessions(&alice.subject, &kept, at(3600)).await.unwrap());
    assert!(lives(&kept).await);
}

#[tokio::test]
async fn no_more_sessions_are_looked_at_than_the_bound() {
    let limits = Limits { sessions_listed: 150, ..Limits::DEFAULT };
    let (store, directory) = directory_with(Settings { limits, ..settings() });
    let alice = create(&directory, "alice", "pw").await;
    for now in 0..151 {
        if now == 150 {
            let list = directory.sessions(&alice.subject, at(200)).await.unwrap();
            assert_eq!((list.sessions.len(), list.more), (150, false));
        }
        directory.start_session(&alice, None, None, at(now), HOUR).await.unwrap();
    }
    let gets = store.gets();
    let list = directory.sessions(&alice.subject, at(200)).await.unwrap();
    assert_eq!((list.sessions.len(), list.more, store.gets() - gets), (150, true, 151));
}
