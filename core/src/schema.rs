//! Tables as data, so that every dialect can say them its own way.

/// A table of a data set.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, unquoted.
    pub name: &'static str,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key; empty where it has none.
    pub primary_key: Vec<&'static str>,
    /// Its secondary indexes, built after the rows are in.
    pub indexes: Vec<Index>,
    /// What it refers to, checked once the rows of all tables are in.
    pub foreign_keys: Vec<ForeignKey>,
}

impl Table {
    /// A table without a key, to be completed by the methods below.
    pub fn new(name: &'static str, columns: Vec<Column>) -> Self {
        Self {
            name,
            columns,
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
        }
    }

    /// The same table with no more keys and indexes than `keys` says.
    #[must_use]
    pub fn keep(mut self, keys: Keys) -> Self {
        if keys < Keys::Foreign {
            self.foreign_keys.clear();
        }
        if keys < Keys::Indexed {
            self.indexes.clear();
        }
        if keys < Keys::Primary {
            self.primary_key.clear();
        }
        self
    }

    /// The same table with a primary key.
    #[must_use]
    pub fn primary_key(mut self, columns: &[&'static str]) -> Self {
        self.primary_key = columns.to_vec();
        self
    }

    /// The same table with one more secondary index.
    #[must_use]
    pub fn index(mut self, name: &'static str, columns: &[&'static str]) -> Self {
        self.indexes.push(Index { name, columns: columns.to_vec() });
        self
    }

    /// The same table, of which some columns refer to the primary key of another: one that comes before
    /// it in its data set.
    #[must_use]
    pub fn foreign_key(
        mut self,
        name: &'static str,
        columns: &[&'static str],
        parent: &'static str,
        parent_key: &[&'static str],
    ) -> Self {
        let (columns, parent_key) = (columns.to_vec(), parent_key.to_vec());
        self.foreign_keys.push(ForeignKey { name, columns, parent, parent_key });
        self
    }
}

/// Which keys and indexes the tables of a data set have. Each level has those of the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keys {
    /// None at all.
    None,
    /// Primary keys.
    Primary,
    /// Secondary indexes.
    #[default]
    Indexed,
    /// Foreign keys.
    Foreign,
}

impl Keys {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::None, Self::Primary, Self::Indexed, Self::Foreign];

    /// The word on the command line and in marks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Primary => "primary",
            Self::Indexed => "indexed",
            Self::Foreign => "foreign",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name, unquoted.
    pub name: &'static str,
    /// Its type.
    pub ty: ColumnType,
    /// Whether NULL may stand in it.
    pub nullable: bool,
    /// Whether the engine numbers rows that come without a value. Only for a primary key that is
    /// a single integer column.
    pub auto_increment: bool,
}

impl Column {
    /// A column in which NULL may not stand.
    pub const fn new(name: &'static str, ty: ColumnType) -> Self {
        Self { name, ty, nullable: false, auto_increment: false }
    }

    /// The same column, NULL allowed.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The same column, numbered by the engine where no value is given.
    #[must_use]
    pub const fn auto_increment(mut self) -> Self {
        self.auto_increment = true;
        self
    }
}

/// The types that benchmark tables are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// 16-bit integer.
    SmallInt,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    BigInt,
    /// Fixed-point number: digits in all, digits after the point.
    Decimal(u8, u8),
    /// Text of fixed length, padded with blanks.
    Char(u16),
    /// Text of up to so many characters.
    Varchar(u16),
    /// A point in time without a time zone, microseconds kept.
    Timestamp,
    /// A day.
    Date,
    /// A JSON document, given and taken as text.
    Json,
    /// Text of any length up to 65,535 bytes, of which a statement may make more.
    Text,
}

/// A secondary index.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its name, unquoted and unique in the data set.
    pub name: &'static str,
    /// Its columns in order.
    pub columns: Vec<&'static str>,
}

/// A reference of one table's rows to another's.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// Its name, unquoted and unique in the data set.
    pub name: &'static str,
    /// The columns that refer.
    pub columns: Vec<&'static str>,
    /// The table that they refer to.
    pub parent: &'static str,
    /// The columns of its primary key.
    pub parent_key: Vec<&'static str>,
}
