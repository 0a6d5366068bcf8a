// The reader of intakes: whatever bytes are in a folder's segments, nothing outside them is read,
// and what is said to be whole is the same when it is read again. A part of the input is taken as
// it is, a part is put into groups whose checksums are right, so that what is behind them is
// reached.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/intake/contents.h"
#include "src/intake/folder.h"
#include "src/intake/format.h"
#include "src/model/row.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

using intake::GroupHeader;
using intake::kBlockBytes;
using intake::kHeaderBytes;
using Bytes = std::vector<std::byte>;

class FixedFile final : public intake::File {
 public:
  explicit FixedFile(const Bytes& bytes) : bytes_(bytes) {}
  intake::Done write(std::uint64_t, std::span<const std::byte>) override {
    require(false, "a reader writes nothing");
    return {};
  }
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> to) const override {
    const std::size_t from = std::min<std::size_t>(at, bytes_.size());
    const std::size_t count = std::min(to.size(), bytes_.size() - from);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(from), count, to.begin());
    return count;
  }
  intake::Done sync() override { return {}; }
  Result<std::uint64_t> size() const override { return std::uint64_t{bytes_.size()}; }

 private:
  const Bytes& bytes_;
};

class FixedFolder final : public intake::Folder {
 public:
  explicit FixedFolder(const std::vector<Bytes>& files) : files_(files) {}
  const std::string& path() const noexcept override { return path_; }
  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < files_.size(); ++i) names.push_back(kPrefix + std::to_string(i));
    return names;
  }
  Result<std::unique_ptr<intake::File>> open(const std::string& name) override {
    const auto index = static_cast<std::size_t>(name.back() - '0');
    return {std::make_unique<FixedFile>(files_[index])};
  }
  Result<std::unique_ptr<intake::File>> create(const std::string&) override { return refused(); }
  intake::Done rename(const std::string&, const std::string&) override { return {refused()}; }
  intake::Done remove(const std::string&) override { return {refused()}; }
  intake::Done sync() override { return {}; }
  Result<std::unique_ptr<intake::FolderLock>> lock() override { return refused(); }

 private:
  static constexpr const char* kPrefix = "segment-00000";
  static Status refused() {
    require(false, "a reader changes nothing");
    return {Errc::internal, ""};
  }

  const std::vector<Bytes>& files_;
  const std::string path_ = "folder";
};

// Takes the input from its beginning; zeros once it is used up.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : rest_(bytes) {}
  std::uint8_t byte() { return rest_.empty() ? 0 : std::to_integer<std::uint8_t>(bytes(1)[0]); }
  std::span<const std::byte> bytes(std::size_t count) {
    const auto taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

// Three items that are in order, or nearly so.
void put_items(Bytes& payload, Input& input) {
  const std::uint8_t newest = input.byte();
  const auto rows = input.bytes(input.byte());
  Bytes framed(model::kFrameHeaderBytes);
  model::write_frame_header(framed.data(), {.index = input.byte()}, rows.size());
  framed.insert(framed.end(), rows.begin(), rows.end());
  const intake::Unit unit{
      .klass = input.byte(), .position = newest + 1U + input.byte() / 200U, .rows = framed};
  intake::put_class(payload, {.number = unit.klass, .newest = newest, .name = "c"});
  intake::put_statement(payload, input.byte(), {.sql = "s", .columns = {{ColumnType::text}}});
  intake::put_unit(payload, unit);
}

// Groups in order but for what the input says.
Bytes segment_of(Input& input, GroupHeader& header, std::size_t groups) {
  Bytes out;
  ++header.segment;
  for (std::size_t i = 0; i < groups; ++i) {
    const auto seed = intake::seed_of(header.uuid, header.segment);
    const std::uint8_t choice = input.byte();
    const auto raw = input.bytes(input.byte() * (choice % 4 == 0 ? 40U : 1U));
    Bytes payload(raw.begin(), raw.end());
    if (choice % 3 != 0) put_items(payload, input);
    header.group += choice == 77 ? 2U : 1U;
    header.items = raw.empty() ? 3 : input.byte();
    header.begins = choice % 11 == 1;
    header.sealed = choice % 13 == 1;
    header.payload_bytes = payload.size();
    header.payload_checksum = intake::checksum_of(payload, seed);
    const std::size_t at = out.size();
    out.resize(at + intake::padded(kHeaderBytes + payload.size()));
    write_header(header, std::span(out).subspan(at).first<kHeaderBytes>());
    std::copy(payload.begin(), payload.end(),
              out.begin() + static_cast<std::ptrdiff_t>(at + kHeaderBytes));
    header.previous = header.checksum;
  }
  return out;
}

struct Read {
  bool ok = false;
  std::uint64_t units = 0;
  Bytes rows;
};

Read read(const std::vector<Bytes>& files) {
  FixedFolder folder(files);
  const auto contents = intake::Contents::read(folder);
  if (!contents) {
    require(!contents.status().message().empty(), "a refusal says why");
    return {};
  }
  Read out{.ok = true};
  const Status status = (*contents)->for_each([&](const intake::FoundUnit& unit) {
    require(unit.klass < (*contents)->classes().size(), "a unit's class is known");
    model::FrameReader frames(unit.rows);
    for (model::Frame frame; frames.next(frame);) {
      require(frame.statement.index < (*contents)->statements().size(), "a statement is known");
    }
    require(frames.ok(), "a unit's rows are framed");
    ++out.units;
    out.rows.insert(out.rows.end(), unit.rows.begin(), unit.rows.end());
    return Status{};
  });
  require(status.ok(), "what was whole is whole when it is read again");
  require(out.units == (*contents)->units(), "as many units are read as were counted");
  return out;
}

void read_twice(const std::vector<Bytes>& files) {
  const Read one = read(files);
  const Read two = read(files);
  require(one.ok == two.ok && one.units == two.units && one.rows == two.rows,
          "the same bytes are read in the same way");
}

void feed(std::span<const std::byte> bytes) {
  Input input(bytes);
  const std::uint8_t shape = input.byte();
  GroupHeader header;
  std::vector<Bytes> files;
  if (shape % 4 == 0) {
    const auto half = input.bytes(bytes.size() / 2);
    files.emplace_back(half.begin(), half.end());
    const auto rest = input.bytes(bytes.size());
    files.emplace_back(rest.begin(), rest.end());
    return read_twice(files);
  }
  files.push_back(segment_of(input, header, shape % 5));
  files.push_back(segment_of(input, header, shape % 3));
  for (Bytes& file : files) file.resize(file.size() + kBlockBytes * (shape % 2));
  while (shape % 7 == 0 && !input.empty()) {
    Bytes& file = files[input.byte() % 2];
    const std::size_t at = input.byte() * 256U + input.byte();
    if (at < file.size()) file[at] = static_cast<std::byte>(input.byte());
  }
  read_twice(files);
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  onelane::test::feed({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
