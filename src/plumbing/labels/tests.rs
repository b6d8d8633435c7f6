use super::*;
use crate::plumbing::test_history::{Scratch, dataset};

fn choose_in(s: &Scratch, parents: &[VersionId], choice: LabelChoice) -> Result<String, LabelError> {
    choose(&s.db, parents, &dataset("cats").into(), &choice, &s.interrupt).map(|label| label.to_string())
}

fn exactly(text: &str) -> LabelChoice {
    LabelChoice::Exactly(text.parse().unwrap())
}

#[test]
fn the_next_label_steps_from_the_highest_of_the_dataset() {
    let s = Scratch::new();
    assert_eq!(choose_in(&s, &[], LabelChoice::Major).unwrap(), "1.0.0");
    assert_eq!(choose_in(&s, &[], exactly("0.1.0")).unwrap(), "0.1.0");
    let low = s.version("cats@1.0.0", 1, &[]);
    let high = s.version("cats@1.4.2", 2, &[low]);
    let dogs = s.version("dogs@7.0.0", 3, &[high]);
    for parents in [&[high][..], &[dogs], &[low, dogs], &[dogs, low]] {
        assert_eq!(choose_in(&s, parents, LabelChoice::Patch).unwrap(), "1.4.3");
        assert_eq!(choose_in(&s, parents, LabelChoice::Minor).unwrap(), "1.5.0");
        assert_eq!(choose_in(&s, parents, LabelChoice::Major).unwrap(), "2.0.0");
    }
    assert_eq!(choose_in(&s, &[high], exactly("2.0.0-rc.1")).unwrap(), "2.0.0-rc.1");
    let foreign = choose(&s.db, &[dogs], &dataset("birds").into(), &LabelChoice::Patch, &s.interrupt);
    assert_eq!(foreign.unwrap(), Label::first());
}

#[test]
fn a_label_that_exists_or_goes_backward_is_refused() {
    let s = Scratch::new();
    let low = s.version("cats@1.0.0", 1, &[]);
    let high = s.version("cats@1.4.2", 2, &[low]);
    for taken in ["1.0.0", "1.4.2"] {
        let error = choose_in(&s, &[high], exactly(taken)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    let error = choose_in(&s, &[high], exactly("1.2.0")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap().contains("1.4.3"), "{error}");
}

#[test]
fn a_release_comes_before_its_pre_releases() {
    let s = Scratch::new();
    let one = s.version("cats@1.2.0", 1, &[]);
    let two = s.version("cats@1.2.1-rc.1", 2, &[one]);
    let find = |query: &str| {
        let query = LabelQuery::parse(query).unwrap();
        let found = find(&s.db, &[two], &dataset("cats").into(), &query, &s.interrupt).unwrap();
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(find("1.2"), [one]);
    assert_eq!(find("1.2.1-rc.1"), [two]);
    assert_eq!(find("1.2.1"), []);
}

#[test]
fn queries() {
    assert_eq!(LabelQuery::parse("1"), Some(LabelQuery::Major(1)));
    assert_eq!(LabelQuery::parse("1.2"), Some(LabelQuery::Minor(1, 2)));
    for bad in ["", ".", "1.", ".1", "+1", "1.x", "v1", "99999999999999999999999"] {
        assert_eq!(LabelQuery::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_label_of_a_deleted_version_is_not_given_again() {
    let s = Scratch::new();
    let one = s.version("cats@1.0.0", 1, &[]);
    let mut cats = KnownAs::from(dataset("cats"));
    cats.deleted.insert("1.0.1".parse().unwrap());
    let choose = |choice: LabelChoice| choose(&s.db, &[one], &cats, &choice, &s.interrupt);
    assert_eq!(choose(LabelChoice::Patch).unwrap().to_string(), "1.0.2");
    let error = choose(exactly("1.0.1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("deleted"), "{error}");
}

#[test]
fn labels_go_on_after_a_dataset_was_renamed() {
    let s = Scratch::new();
    let one = s.version("cats@1.0.0", 1, &[]);
    let mut felines = KnownAs::from(dataset("felines"));
    felines.former.insert(dataset("cats"));
    assert_eq!(
        choose(&s.db, &[one], &felines, &LabelChoice::Patch, &s.interrupt).unwrap().to_string(),
        "1.0.1"
    );
    let query = LabelQuery::parse("1.0.0").unwrap();
    assert_eq!(find(&s.db, &[one], &felines, &query, &s.interrupt).unwrap()[0].0, one);
}
