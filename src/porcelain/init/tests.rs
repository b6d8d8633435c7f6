use super::*;
use crate::model::ErrorKind;
use crate::store::users_of_store;

struct Fixture {
    folder: tempfile::TempDir,
    env: Environment,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cats = folder.path().join("my cats");
        let env = Environment::system(&cats);
        env.fs.create_dir_all(&cats).unwrap();
        Self { env, folder }
    }

    fn init(&self, options: &Options) -> Result<Outcome, Error> {
        run(&self.env, options, &Monitor::quiet())
    }

    /// Every file below `.dsv` and its content, but for locks.
    fn contents(&self, folder: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
        let fs = &self.env.fs;
        for (name, kind) in fs.list(folder).unwrap().entries().unwrap() {
            let path = folder.join(String::from_utf8(name).unwrap());
            if kind == crate::sys::FileKind::Directory {
                self.contents(&path, out);
            } else if !path.to_string_lossy().contains("/locks/") {
                out.push((path.clone(), fs.read(&path).unwrap()));
            }
        }
        out.sort();
    }
}

fn dataset(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

#[test]
fn a_repository_is_named_after_its_folder() {
    let f = Fixture::new();
    let outcome = f.init(&Options::default()).unwrap();
    assert!(outcome.created);
    assert_eq!(outcome.head, Head::Dataset(dataset("my-cats")));
    let repository = Repository::discover(f.env.clone()).unwrap();
    assert_eq!(repository.refs().head_version().unwrap(), None);
    assert_eq!(repository.root(), outcome.root);
}

#[test]
fn a_second_init_changes_nothing() {
    let f = Fixture::new();
    let first = f.init(&Options { dataset: Some(dataset("vision/cats")), ..Default::default() }).unwrap();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    f.contents(&first.root, &mut before);
    let second = f
        .init(&Options {
            dataset: Some(dataset("dogs")),
            store: Some(f.folder.path().join("store")),
            ..Default::default()
        })
        .unwrap();
    assert_eq!(second, Outcome { created: false, ..first.clone() });
    f.contents(&first.root, &mut after);
    assert_eq!(before, after);
    assert!(f.env.fs.stat(&f.folder.path().join("store")).is_err());
}

#[test]
fn an_init_that_was_cut_off_is_told_and_finished() {
    let f = Fixture::new();
    let root = f.init(&Options::default()).unwrap().root;
    f.env.fs.remove_file(&root.join(".dsv/format")).unwrap();
    let error = Repository::discover(f.env.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotARepository);
    assert!(error.hint().unwrap().contains("dsv init"), "{error}");
    assert!(f.init(&Options::default()).unwrap().created);
    Repository::discover(f.env.clone()).unwrap();
}

#[test]
fn a_shared_store_knows_its_repositories() {
    let f = Fixture::new();
    let options = |name: &str| Options {
        dir: Some(PathBuf::from(name)),
        store: Some(PathBuf::from("../store")),
        ..Default::default()
    };
    let one = f.init(&options("one")).unwrap();
    let two = f.init(&options("two")).unwrap();
    assert_eq!(one.store, two.store);
    let repository = Repository::open(f.env.clone(), &one.root).unwrap();
    assert_eq!(repository.layout().objects, one.store.as_ref().unwrap().join("objects"));
    let users = users_of_store(&*f.env.fs, repository.layout()).unwrap();
    assert_eq!(users, [one.root.join(".dsv"), two.root.join(".dsv")]);

    f.env.fs.rename(&one.store.unwrap(), &f.folder.path().join("moved")).unwrap();
    let error = Repository::open(f.env.clone(), &two.root).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("shared store"), "{error}");
}

#[test]
fn a_folder_with_other_things_is_no_store() {
    let f = Fixture::new();
    let root = f.init(&Options::default()).unwrap().root;
    f.env.fs.create_dir_all(&f.folder.path().join("full/photos")).unwrap();
    for store in [f.folder.path().join("full"), root.join(".dsv")] {
        let options = Options { dir: Some("other".into()), store: Some(store), ..Default::default() };
        assert_eq!(f.init(&options).unwrap_err().kind(), ErrorKind::Refused);
        let error = Repository::open(f.env.clone(), &root.join("other")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotARepository);
    }
}
