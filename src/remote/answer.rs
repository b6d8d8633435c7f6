//! Reads what a server says when it refuses.

use http::HeaderMap;
use object_store::client::{HttpError, HttpErrorKind, HttpResponse, HttpResponseBody};

use futures_util::StreamExt;

use super::cause::{Answer, tidy};

/// Longest explanation that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

/// Lets success through, and makes an error of each refusal, by which the layers above tell what it means.
///
/// # Errors
/// The server's [`Answer`], or that it broke off.
pub(super) async fn check(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let status = response.status().as_u16();
    if status < 300 || status == 304 {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let text = read(body).await?;
    Err(HttpError::new(HttpErrorKind::Unknown, parse(status, &parts.headers, &text)))
}

async fn read(body: HttpResponseBody) -> Result<Vec<u8>, HttpError> {
    let mut stream = body.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
        if all.len() > MAX_BODY {
            all.truncate(MAX_BODY);
            break;
        }
    }
    Ok(all)
}

/// What a refusal says, in whichever of the clouds' forms.
fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(body);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (code, message) = of_json(&text).unwrap_or_else(|| (tag(&text, "Code"), tag(&text, "Message")));
    let code = code.or_else(|| header("x-ms-error-code")).or_else(|| header("x-minio-error-code"));
    let region = header("x-amz-bucket-region").or_else(|| tag(&text, "Region"));
    let mut answer = Answer {
        status,
        code: tidy(&code.unwrap_or_default()),
        message: tidy(&message.unwrap_or_default()),
        region: region.map(|region| tidy(&region)),
    };
    // Google's JSON has one word for a missing object and a missing bucket.
    if status == 404 && answer.message.contains("bucket does not exist") {
        "NoSuchBucket".clone_into(&mut answer.code);
    }
    answer
}

/// Google's and the token services' form.
fn of_json(text: &str) -> Option<(Option<String>, Option<String>)> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let word = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let error = value.get("error")?;
    if let Some(code) = word(error) {
        return Some((Some(code), value.get("error_description").and_then(word)));
    }
    let reason = error.pointer("/errors/0/reason").or_else(|| error.get("status")).and_then(word);
    Some((reason, error.get("message").and_then(word)))
}

/// The text of the first element of that name.
fn tag(text: &str, name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let begin = text.find(&open)? + open.len();
    let end = begin + text[begin..].find(&close)?;
    let clean = text[begin..end].replace("&quot;", "\"").replace("&apos;", "'");
    Some(clean.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(status: u16, body: &str) -> Answer {
        parse(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn each_cloud_is_understood() {
        let s3 = parsed(
            400,
            "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting &apos;eu-west-1&apos;\
             </Message><Region>eu-west-1</Region></Error>",
        );
        assert_eq!(
            (s3.code.as_str(), s3.region.as_deref()),
            ("AuthorizationHeaderMalformed", Some("eu-west-1"))
        );
        assert_eq!(s3.message, "expecting 'eu-west-1'");
        let google =
            parsed(403, r#"{"error":{"code":403,"message":"no access","errors":[{"reason":"forbidden"}]}}"#);
        assert_eq!((google.code.as_str(), google.message.as_str()), ("forbidden", "no access"));
        let token = parsed(400, r#"{"error":"invalid_grant","error_description":"expired"}"#);
        assert_eq!((token.code.as_str(), token.message.as_str()), ("invalid_grant", "expired"));
        let azure = parsed(
            409,
            "\u{feff}<?xml version=\"1.0\"?><Error><Code>BlobAlreadyExists</Code><Message>There.\nRequestId:1\
             </Message></Error>",
        );
        assert_eq!((azure.code.as_str(), azure.message.as_str()), ("BlobAlreadyExists", "There."));
    }

    #[test]
    fn what_is_no_document_is_no_reason_to_fail() {
        for body in ["", "<html>", "<Code>", "{}", "{\"error\":1}", "</Code><Code>"] {
            assert_eq!(parsed(500, body).message, "", "{body}");
        }
    }
}
