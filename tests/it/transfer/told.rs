//! What is wrong with a remote is told by the real program: what it is, soon, and meanwhile that something goes on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{Two, press_ctrl_c};
use crate::remote::servers::Place;
use crate::support::cutting_proxy::{CuttingProxy, Weather};
use crate::support::raw_server::{RawServer, Reply, closed_port};
use crate::support::sandbox::Sandbox;

/// Longest time until an error is told.
const SOON: Duration = Duration::from_secs(8);
/// Longest silence, with some room for a machine that has much to do.
const SILENCE: Duration = Duration::from_millis(1_300);

/// A repository with a version and a remote that nobody has asked for anything yet.
struct Wrong {
    sandbox: Sandbox,
    url: String,
    endpoint: String,
}

impl Wrong {
    fn new(url: &str, endpoint: &str, id: &str, secret: &str) -> Self {
        let mut sandbox = Sandbox::repository();
        sandbox.set("AWS_ACCESS_KEY_ID", id);
        sandbox.set("AWS_SECRET_ACCESS_KEY", secret);
        sandbox.write("file", "content");
        sandbox.ok(["add", "."]);
        sandbox.ok(["commit", "-m", "First"]);
        sandbox.ok(["remote", "add", "origin", url, "--endpoint", endpoint]);
        Self { sandbox, url: url.to_owned(), endpoint: endpoint.to_owned() }
    }

    /// What a push says of it. All other verbs must say the same but for what they tried, all of them soon, and leave nothing behind.
    fn told(&self) -> String {
        let (url, endpoint) = (self.url.as_str(), self.endpoint.as_str());
        let verbs: [&[&str]; 6] = [
            &["push"],
            &["fetch"],
            &["ls-remote"],
            &["clone", url, "../clone", "--endpoint", endpoint],
            &["get", url, "cats", "--endpoint", endpoint],
            &["verify", "--remote", "origin"],
        ];
        let mut told = Vec::new();
        for verb in verbs {
            let began = Instant::now();
            let said = self.sandbox.fails(5, verb);
            assert!(began.elapsed() < SOON, "{verb:?} took {:?}: {said}", began.elapsed());
            told.push(self.tidy(&said));
        }
        let first = |said: &String| said.split(" when asked to ").next().unwrap().to_owned();
        assert!(
            told.iter().all(|said| first(said).lines().last() == first(&told[0]).lines().last()),
            "{told:#?}"
        );
        assert!(!self.sandbox.root().join("clone").exists());
        let checked = self.sandbox.run(["remote", "check"]).expect(1);
        assert!(checked.err.contains("hint: "), "{}", checked.err);
        // To try it has not changed it.
        assert_eq!(self.tidy(&self.sandbox.fails(5, ["push"])), told[0]);
        told.remove(0)
    }

    fn tidy(&self, said: &str) -> String {
        said.replace(&self.endpoint, "$ENDPOINT").replace(&self.url, "$URL")
    }
}

/// One at the S3 server of the tests.
fn on_s3(id: &str, secret: &str, bucket: Option<&str>) -> Option<Wrong> {
    let place = Place::s3()?;
    let url = bucket.map_or(place.url.clone(), |bucket| format!("s3://{bucket}/p"));
    Some(Wrong::new(&url, place.options.endpoint.as_ref()?, id, secret))
}

/// One at a server that says this to all requests.
fn refused(status: &str, headers: &[(&str, &str)], code: &str) -> String {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In words.</Message></Error>");
    let server = RawServer::start(vec![Reply::answer(status, headers, &body)]);
    Wrong::new("s3://bucket/p", &server.address(), "AKIDTEST", "secret").told()
}

#[test]
fn a_server_that_is_down() {
    let endpoint = format!("http://127.0.0.1:{}", closed_port());
    assert_snapshot!(Wrong::new("s3://bucket/p", &endpoint, "AKIDTEST", "secret").told(), @"
    error: '$URL' cannot be reached at $ENDPOINT
      because: the connection is refused
    hint: is the server running, and is the endpoint's port right?
    ");
}

#[test]
fn credentials_that_are_wrong() {
    let Some(wrong) = on_s3("dsvtest", "wrong-secret", None) else { return };
    assert_snapshot!(wrong.told(), @"
    error: no valid credentials for '$URL'
      because: the server answered 403 SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your key and signing method.
    hint: log in with the cloud's own tool ('aws configure' or 'aws sso login'), name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
    let Some(wrong) = on_s3("nobody", "wrong-secret", None) else { return };
    assert_snapshot!(wrong.told(), @"
    error: no valid credentials for '$URL'
      because: the server answered 403 InvalidAccessKeyId: The access key ID you provided does not exist in our records.
    hint: log in with the cloud's own tool ('aws configure' or 'aws sso login'), name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
}

#[test]
fn credentials_that_do_not_allow_it() {
    let Some(wrong) = on_s3("dsvreader", "dsvreader-secret", None) else { return };
    assert_snapshot!(wrong.tidy(&wrong.sandbox.fails(5, ["push"])), @"
    error: not allowed to write 'uploads/cats/-6810213dd4c4ae0e0b4b71206afa4e2fb0e530e349a0cb9c7a022610270990d2.json' on '$URL'
      because: the server answered 403 AccessDenied: Access Denied.
    hint: it takes s3:PutObject
    ");
    wrong.sandbox.ok(["ls-remote"]);
}

#[test]
fn a_bucket_that_does_not_exist() {
    let Some(wrong) = on_s3("dsvtest", "dsvtest-secret", Some("no-such-bucket")) else { return };
    assert_snapshot!(wrong.told(), @"
    error: there is no bucket 'no-such-bucket'
      because: the server answered 404 NoSuchBucket: The specified bucket does not exist
    hint: check the spelling, or make the bucket; dsv makes none
    ");
}

#[test]
fn a_region_that_is_wrong() {
    let headers = [("x-amz-bucket-region", "eu-west-3")];
    assert_snapshot!(refused("301 Moved Permanently", &headers, "PermanentRedirect"), @"
    error: '$URL' is not in the region that it was looked for in: it is in 'eu-west-3'
      because: the server answered 301 PermanentRedirect: In words.
    hint: set the remote's region to eu-west-3
    ");
}

#[test]
fn a_clock_that_is_wrong() {
    assert_snapshot!(refused("403 Forbidden", &[], "RequestTimeTooSkewed"), @"
    error: '$URL' refuses requests from a machine whose clock is wrong
      because: the server answered 403 RequestTimeTooSkewed: In words.
    hint: set the clock of this machine
    ");
}

#[test]
fn a_server_that_refuses_conditions() {
    let listing = "<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let refusal = "<Error><Code>NotImplemented</Code></Error>";
    let replies = [("200 OK", listing), ("501 Not Implemented", refusal)];
    let replies = replies.map(|(status, body)| Reply::answer(status, &[], body));
    let server = RawServer::start(replies.to_vec());
    let wrong = Wrong::new("s3://bucket/p", &server.address(), "AKIDTEST", "secret");
    let run = wrong.sandbox.run(["remote", "check"]).expect(1);
    assert_snapshot!(wrong.tidy(&run.text(&wrong.sandbox)), @"
    ok       list
    failed   create an object if it is absent  '$URL' does not support creating an object only if it is absent
    skipped  refuse to create it again
    skipped  read it
    skipped  read a part of it
    skipped  find it in a listing
    skipped  overwrite an object
    skipped  delete it
    The remote origin, $URL, does not give what dsv needs
    ");
}

/// Runs a command for a while, until Ctrl-C is pressed; returns the longest time in which it said nothing.
fn longest_silence(two: &Two, folder: &str, arguments: &[&str]) -> (Duration, String) {
    let mut command = two.sandbox.command();
    command.current_dir(two.path(folder)).args(["--progress", "json"]).args(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let began = Instant::now();
    let reader = std::thread::spawn(move || {
        let lines = stderr.lines().map_while(Result::ok);
        lines.map(|line| (began.elapsed(), line)).collect::<Vec<_>>()
    });
    std::thread::sleep(Duration::from_millis(2_800));
    assert!(child.try_wait().unwrap().is_none(), "{arguments:?} did not wait");
    let end = began.elapsed();
    press_ctrl_c(&child);
    let code = child.wait().unwrap().code();
    let took = began.elapsed() - end;
    assert!(
        code == Some(130) && took < Duration::from_secs(2),
        "{arguments:?} ended by {code:?} after {took:?}"
    );
    let lines = reader.join().unwrap();
    let mut times: Vec<Duration> = lines.iter().map(|(at, _)| *at).filter(|at| *at < end).collect();
    times.push(end);
    let gaps = std::iter::once(times[0]).chain(times.windows(2).map(|pair| pair[1] - pair[0]));
    (gaps.max().unwrap(), lines.into_iter().map(|(_, line)| line + "\n").collect())
}

/// Each waits for a server that says nothing, until somebody has had enough.
#[test]
fn nobody_waits_in_silence_or_for_long() {
    let Some(mut place) = Place::s3() else { return };
    let proxy = CuttingProxy::start(place.options.endpoint.as_ref().unwrap(), 0);
    place.options.endpoint = Some(proxy.address());
    let two = Two::pushed_to(Some(place));
    let url = two.url();
    let from = |verb: &str, more: &[&str]| -> Vec<String> {
        [&[verb, &url], more, &two.reach()[..]].concat().into_iter().map(str::to_owned).collect()
    };
    two.ok(&from("clone", &["../lean", "--no-data"]).iter().map(String::as_str).collect::<Vec<_>>());
    two.clone("bob");
    two.sandbox.write("new", "new");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "New"]);
    proxy.set(Weather::Standstill(0));
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let commands = [
        ("work", words("remote check")),
        ("work", words("push")),
        ("work", words("ls-remote")),
        ("work", words("verify --remote origin")),
        ("work", from("get", &["cats"])),
        ("work", from("clone", &["../clone"])),
        ("bob", words("fetch")),
        ("bob", words("evict")),
        ("bob", words("gc --remote origin")),
        ("lean", words("cat HEAD:d1/f1")),
        ("lean", words("checkout HEAD --full")),
        ("lean", words("fsck")),
    ];
    std::thread::scope(|scope| {
        for (folder, arguments) in &commands {
            let two = &two;
            scope.spawn(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let (silence, said) = longest_silence(two, folder, &arguments);
                assert!(silence < SILENCE, "{arguments:?} was silent for {silence:?}:\n{said}");
            });
        }
    });
}
