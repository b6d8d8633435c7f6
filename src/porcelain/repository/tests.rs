use super::*;
use crate::model::ErrorKind;
use crate::porcelain::init;

fn repository() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let env = Environment::system(folder.path().join("data"));
    env.fs.create_dir_all(&env.cwd.join("a/b")).unwrap();
    init::run(&env, &init::Options::default(), &Monitor::quiet()).unwrap();
    let env = Environment { cwd: env.cwd.join("a"), ..env };
    (folder, Repository::discover(env).unwrap())
}

#[test]
fn it_is_found_from_below_and_not_from_outside() {
    let (folder, repository) = repository();
    assert!(repository.root().ends_with("data"));
    let error = Repository::discover(Environment::system(folder.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotARepository);
    assert!(error.hint().unwrap().contains("dsv init"));
}

#[test]
fn paths_of_people_become_paths_of_the_dataset() {
    let (_folder, repository) = repository();
    let path = |text: &str| repository.repo_path(Path::new(text)).map(|path| path.to_string());
    for (given, expected) in [
        (".", "a"),
        ("", "a"),
        ("..", ""),
        ("b/./c", "a/b/c"),
        ("../x", "x"),
        ("b/../../new/file", "new/file"),
    ] {
        assert_eq!(path(given).unwrap(), expected, "{given}");
    }
    let absolute = repository.root().join("a/x");
    assert_eq!(repository.repo_path(&absolute).unwrap().to_string(), "a/x");
    for outside in ["../..", "../../other", "/", "/etc/passwd"] {
        assert_eq!(path(outside).unwrap_err().kind(), ErrorKind::OutsideWorktree, "{outside}");
    }
    assert_eq!(path("../.dsv/format").unwrap_err().kind(), ErrorKind::InvalidPath);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_worktree_leads_into_it() {
    let (folder, repository) = repository();
    let link = folder.path().join("link");
    repository.fs().symlink(repository.root().as_os_str().as_encoded_bytes(), &link).unwrap();
    let env = Environment { cwd: link.join("a"), ..repository.env().clone() };
    let repository = Repository::discover(env).unwrap();
    let path = |text: &Path| repository.repo_path(text).unwrap().to_string();
    assert_eq!(path(Path::new("b/c")), "a/b/c");
    assert_eq!(path(&link.join("new/file")), "new/file");
    assert_eq!(path(&link), "");
}

#[test]
fn who_writes_waits_for_whoever_writes() {
    let (_folder, repository) = repository();
    repository.fs().remove_file(&repository.layout().config()).ok();
    let mut settings = repository.settings().clone();
    settings
        .set(
            repository.fs(),
            super::super::settings::Scope::Repository,
            &super::super::settings::CORE_LOCK_TIMEOUT,
            "0",
        )
        .unwrap();
    let repository = Repository::open(repository.env().clone(), repository.root()).unwrap();
    let monitor = Monitor::quiet();
    let held = repository.lock_refs(&monitor).unwrap();
    let error = repository.lock_refs(&monitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("process"), "{error}");
    drop(held);
    let _shared = (repository.lock_objects(&monitor).unwrap(), repository.lock_objects(&monitor).unwrap());
    assert!(repository.lock_objects_alone(&monitor).is_err());
    repository.lock_index(&monitor).unwrap();
}

#[test]
fn a_newer_format_is_refused_where_it_matters() {
    let (_folder, repository) = repository();
    let write = |text: &str| {
        crate::sys::publish(repository.fs(), &repository.layout().format(), text.as_bytes()).unwrap();
    };
    write("format = 1\nreader-features = []\nwriter-features = [\"sealed\"]\n");
    let opened = Repository::open(repository.env().clone(), repository.root()).unwrap();
    let error = opened.lock_refs(&Monitor::quiet()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
    assert!(error.to_string().contains("upgrade dsv"), "{error}");
    write("format = 2\nreader-features = []\nwriter-features = []\n");
    let error = Repository::open(repository.env().clone(), repository.root()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
}

#[test]
fn the_author_is_told_by_the_face_then_the_settings_then_the_account() {
    let (_folder, repository) = repository();
    assert_eq!(repository.author().unwrap().to_string(), "unknown");
    let env = Environment {
        author_name: Some("Ada".into()),
        author_email: Some("a@b".into()),
        ..repository.env().clone()
    };
    let repository = Repository::open(env, repository.root()).unwrap();
    assert_eq!(repository.author().unwrap().to_string(), "Ada <a@b>");
}
