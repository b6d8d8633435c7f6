use super::*;
use crate::plumbing::host::OsFs;

struct Fixture {
    folder: tempfile::TempDir,
    fs: Arc<dyn Fs>,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), fs: OsFs::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> Settings {
        Settings::read(&*self.fs, Some(&self.path("repository")), Some(&self.path("home/dsv/user"))).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        crate::plumbing::host::publish(&self.fs, &self.path(name), text.as_bytes()).unwrap();
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.fs.read(&self.path(name)).unwrap()).unwrap()
    }
}

#[test]
fn the_repository_comes_before_the_person_before_the_default() {
    let f = Fixture::new();
    let mut settings = f.settings();
    assert_eq!(settings.lock_timeout().unwrap(), Duration::from_secs(60));
    assert_eq!(settings.get(&CORE_LOCK_TIMEOUT).unwrap().unwrap().origin, None);
    settings.set(&f.fs, Scope::User, &CORE_LOCK_TIMEOUT, "5").unwrap();
    assert_eq!(f.settings().lock_timeout().unwrap(), Duration::from_secs(5));
    settings.set(&f.fs, Scope::Repository, &CORE_LOCK_TIMEOUT, "7").unwrap();
    let setting = f.settings().get(&CORE_LOCK_TIMEOUT).unwrap().unwrap();
    assert_eq!(
        (setting.value.as_str(), setting.origin),
        ("7", Some((Scope::Repository, f.path("repository"))))
    );
    assert!(settings.unset(&f.fs, Scope::Repository, &CORE_LOCK_TIMEOUT).unwrap());
    assert!(!settings.unset(&f.fs, Scope::Repository, &CORE_LOCK_TIMEOUT).unwrap());
    assert_eq!(f.settings().lock_timeout().unwrap(), Duration::from_secs(5));
}

#[test]
fn what_a_person_wrote_around_a_value_stays() {
    let f = Fixture::new();
    f.write("repository", "# mine\n[core] # section\n# wait\nlock-timeout = 3 # seconds\n\n[other]\nx = 1\n");
    let mut settings = f.settings();
    settings.set(&f.fs, Scope::Repository, &CORE_LOCK_TIMEOUT, "4").unwrap();
    settings.set(&f.fs, Scope::Repository, &USER_NAME, "Ada \"x\"").unwrap();
    let expected = concat!(
        "# mine\n[core] # section\n# wait\nlock-timeout = 4 # seconds\n\n[other]\nx = 1\n\n",
        "[user]\nname = 'Ada \"x\"'\n"
    );
    assert_eq!(f.text("repository"), expected);
    assert_eq!(f.settings().unknown(), [("other.x".to_owned(), f.path("repository"))]);
    assert_eq!(f.settings().user_name().unwrap().unwrap(), "Ada \"x\"");
}

#[test]
fn wrong_values_are_refused_before_they_are_written_and_named_when_read() {
    let f = Fixture::new();
    let mut settings = f.settings();
    for (key, bad) in [
        (&CORE_LOCK_TIMEOUT, "soon"),
        (&CORE_COMPRESSION, "20"),
        (&CORE_GITIGNORE, "yes"),
        (&USER_NAME, "a\nb"),
    ] {
        assert_eq!(settings.set(&f.fs, Scope::User, key, bad).unwrap_err().kind(), ErrorKind::Usage);
    }
    assert!(f.fs.stat(&f.path("home")).is_err(), "nothing was written");
    f.write("repository", "core.lock-timeout = \"soon\"\ncore.compression = 100\n");
    let error = f.settings().lock_timeout().unwrap_err();
    assert!(error.to_string().contains("core.lock-timeout' in '"), "{error}");
    assert!(error.hint().unwrap().contains("dsv config unset core.lock-timeout"));
    assert!(f.settings().store_options().is_err());
    f.write("repository", "[core\n");
    let error = Settings::read(&*f.fs, Some(&f.path("repository")), None).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn unknown_settings_are_refused_with_near_ones() {
    let error = find_key("core.timeout").unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean core.lock-timeout?");
    assert_eq!(find_key("x").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(find_key("user.name").unwrap(), &USER_NAME);
}

#[test]
fn the_store_is_not_a_persons_to_set() {
    let f = Fixture::new();
    let mut settings = f.settings();
    let error = settings.set(&f.fs, Scope::Repository, &STORE_PATH, "/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    f.fs.create_dir_all(&f.path("home/dsv")).unwrap();
    f.write("home/dsv/user", "store.path = '/elsewhere'\n");
    assert_eq!(f.settings().store_path().unwrap(), None);
}
