use dsv::{model::*, plumbing::store_files::*, store::*, sys::*};
use std::sync::Arc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let fs: Arc<dyn Fs> = Arc::new(OsFs);
    let db = Arc::new(
        ObjectDb::open(
            fs.clone(),
            std::path::Path::new(&a[2]),
            StoreOptions { level: a.get(3).map_or(3, |x| x.parse().unwrap()), ..StoreOptions::default() },
        )
        .unwrap(),
    );
    let root = std::path::Path::new(&a[1]);
    let t = std::time::Instant::now();
    let mut files = vec![];
    fn walk(fs: &dyn Fs, root: &std::path::Path, p: &RepoPath, out: &mut Vec<FileToStore>) {
        let abs = root.join(bytes_to_path(p.as_bytes()).unwrap());
        let d = fs.list(&abs).unwrap();
        for (n, k) in d.entries().unwrap() {
            let q = p.join(&EntryName::new(n.clone()).unwrap());
            if k == FileKind::Directory {
                walk(fs, root, &q, out)
            } else {
                out.push(FileToStore { path: q, stat: d.stat(&n).unwrap() })
            }
        }
    }
    walk(&*fs, root, &RepoPath::root(), &mut files);
    eprintln!("walk {:?} {}", t.elapsed(), files.len());
    let w = Writer::new(&db).unwrap();
    let mut n = 0u64;
    let mut ents = 0;
    store_files(&w, root, files.into_iter(), &Monitor::quiet(), &mut |f| {
        n += f.size;
        ents += 1;
    })
    .unwrap();
    eprintln!("stored {:?} {} {}", t.elapsed(), ents, n);
    let s = w.finish().unwrap();
    eprintln!("finish {:?} {:?}", t.elapsed(), s);
}
