//! The sets that can be fetched, where they lie, and the hashes that their authors (MNIST: torchvision) publish.

/// One file of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its name, below the address of the set or of a mirror.
    pub name: &'static str,
    /// Its size, where it is published.
    pub bytes: Option<u64>,
    /// MD5 in hexadecimal digits.
    pub md5: &'static str,
}

/// A set that can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Short name.
    pub name: &'static str,
    /// The address that the names of the files are put behind.
    pub base: &'static str,
    /// The files: IDX files as they are, or one archive (`tar.gz`, `tgz`) that is unpacked.
    pub files: &'static [Remote],
}

const fn remote(name: &'static str, bytes: u64, md5: &'static str) -> Remote {
    Remote { name, bytes: Some(bytes), md5 }
}

/// Every set that can be fetched.
pub const PUBLISHED: &[Published] = &[
    Published {
        name: "fashion-mnist",
        base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files: &[
            remote("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            remote("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            remote("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
            remote("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ],
    },
    Published {
        name: "mnist",
        base: "https://ossci-datasets.s3.amazonaws.com/mnist/",
        files: &[
            remote("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            remote("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            remote("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
            remote("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
    },
    Published {
        name: "cifar10",
        base: "https://www.cs.toronto.edu/~kriz/",
        files: &[remote("cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530")],
    },
    Published {
        name: "cifar100",
        base: "https://www.cs.toronto.edu/~kriz/",
        files: &[remote("cifar-100-binary.tar.gz", 168_513_733, "03b5dce01913d631647c71ecec9e9cb8")],
    },
    Published {
        name: "imagenette",
        base: "https://s3.amazonaws.com/fast-ai-imageclas/",
        files: &[Remote { name: "imagenette2-160.tgz", bytes: None, md5: "e793b78cc4c9e9a4ccc0c1155377a412" }],
    },
];
