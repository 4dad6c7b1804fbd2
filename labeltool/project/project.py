"""A project: the folder that holds the labels, and all that is done with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from labeltool.coco.document import CocoDocument
from labeltool.coco.jsonfast import without_collector
from labeltool.errors import ProjectError
from labeltool.project import (
    adding,
    bulk,
    doubting,
    exporting,
    fixes,
    importing,
    marks,
    measuring,
    predictions,
    queue,
    reading,
    saving,
    snapshots,
    thresholds,
    worklist,
)
from labeltool.project import config as configs
from labeltool.project import progress as progressing
from labeltool.project.building import held
from labeltool.project.database import Database
from labeltool.project.edits import JointLike
from labeltool.project.kept import KeptArrays
from labeltool.project.marks import Mark, MarkCount
from labeltool.project.matching import Matching, match_images
from labeltool.project.snapshots import Snapshot
from labeltool.project.tallies import Addition, Counts, ExportSummary, Neighbours, Pace, Progress, QueueEntry, QueueList
from labeltool.project.thresholds import Thresholds
from labeltool.project.values import (
    Box,
    Flag,
    ImageEvent,
    ImageRecord,
    LabelledPerson,
    ModelSummary,
    Person,
    PredictedPerson,
    Prediction,
    Revision,
    Stored,
)
from labeltool.project.worklist import Wish, Wishes
from labeltool.skeleton import Skeleton


class Project:
    """A project folder that is open.

    Every method may be called from any thread, and several processes may have the same project open: reads see a consistent
    state, writes wait for each other (at most 30 seconds). What a writing method returned is on disk.

    Attributes:
        path: the project folder.
        config: what project.toml says.
        skeleton: the joints of the project's people (`config.skeleton`).
    """

    def __init__(self, path: Path, config: configs.ProjectConfig, database: Database) -> None:
        self.path = path
        self.config = config
        self.skeleton = config.skeleton
        self._db = database
        self._kept = KeptArrays(path, config.skeleton.joints)

    # --- life -----------------------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: Path,
        document: CocoDocument,
        image_root: Path,
        skeleton: Skeleton,
        *,
        name: str | None = None,
        problems: Mapping[int, str] | None = None,
        blind_share: float = configs.DEFAULT_BLIND_SHARE,
    ) -> Self:
        """A new project made of a COCO document, open.

        It is built in a sibling folder and renamed when it is whole: a failed or killed call leaves no half project, and can
        simply be run again. An image whose people (crowds aside) all came with labelled joints is `done`, with the reason
        `imported`; every other image is `unlabelled`.

        Args:
            path: the folder to make; it must not exist or be empty.
            document: images, people and whatever else the file holds; all of it is kept.
            image_root: the folder that the images' file names start from.
            skeleton: the joints; a category whose `keypoints` are these joints in this order holds the project's people.
            name: by default the folder's name.
            problems: for photos that cannot be shown, why, by image id.
            blind_share: the share of people without labels whom chance has labelled blind, 0..1 (project.toml can change it).

        Raises:
            ProjectError: the folder is not empty or cannot be written, or the document does not fit the store (ids that are
                no unique integers, keypoints of the wrong length, joints that differ from the skeleton's, ...).
        """
        importing.create_project(
            Path(path),
            document,
            Path(image_root),
            skeleton,
            name=name,
            problems=problems or {},
            blind_share=configs.check_blind_share(blind_share, f"{path}"),
        )
        return cls.open(Path(path))

    @classmethod
    def open(cls, path: Path) -> Self:
        """The project in a folder; an older schema is brought up to date first.

        Raises:
            ProjectError: no project, a broken project.toml, no usable labels.db, one of a newer labeltool, a read-only folder.
        """
        path = Path(path)
        config = configs.read_config(path)
        database = Database.open(path / configs.DATABASE_NAME, config.skeleton.joints)
        try:
            with database.read() as connection:
                settled = measuring.settled_share(connection)
            if settled != config.blind_share:
                with database.write() as connection:
                    measuring.settle(connection, config.blind_share)
        except BaseException:
            database.close()
            raise
        return cls(path, config, database)

    def close(self) -> None:
        """Lets go of the database; the project cannot be used any more."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def mark(self) -> str:
        """A text that differs whenever labels, statuses or predictions do: what was worked out under it still holds."""
        with self._db.read() as connection:
            return reading.mark(connection)

    # --- labels that come later -----------------------------------------------------------------------------------------

    def match_images(self, document: CocoDocument) -> Matching:
        """Which images of a document the project has: by file name, or by its last part where only one photo in each has it.

        Args:
            document: its images' names start from the project's photo folder.
        """

        def exists(name: str) -> bool:
            try:
                return configs.photo_path(self.config, name).is_file()
            except (ProjectError, OSError):
                return False

        with self._db.read() as connection:
            return match_images(connection, document, exists)

    def add_document(
        self,
        document: CocoDocument,
        *,
        source: str,
        edited: Literal["keep", "replace"] = "keep",
        problems: Mapping[int, str] | None = None,
        leave_out: Collection[int] = (),
        told: Callable[[int], object] | None = None,
    ) -> Addition:
        """Brings a document's images and labels into the project; what the project has already is known again.

        It goes in by the batch, an image always with all its annotations, and is on disk when the call returns: one that was
        cut off is made again, and adds what is missing.

        - **Images** are known as `match_images` says; the others are added at the end of the queue. An id that is taken gives way
          to a free one.
        - **People** of an image are the same when the annotation is equal to how the project's came (but for its id), has its id
          and overlaps it, or has its very box and joints. Whom nobody has worked on takes the document's labels as a revision of
          the author `import:<source>`; an annotation without labelled joints changes none.
        - **People that a labeller worked on** (deleted ones included) stay as they are and are counted; with `edited="replace"`
          the document's labels become their next revision.
        - **Statuses** follow as in `create` where nobody decided them.

        Args:
            document: images and annotations with ids that hold; its people have the project's joints, in whatever order.
            source: its name in the log.
            edited: what becomes of people that a labeller worked on and who differ.
            problems: for new photos that cannot be shown, why, by the document's image id.
            leave_out: the document's ids of images that are passed over.
            told: called after each batch with the number of its annotations.

        Raises:
            ProjectError: the document does not fit the store, or another import is running.
        """
        # The rows have no cycles, and each look for some goes over the whole document.
        with held(self.path) as free, without_collector():
            if free is False:
                raise ProjectError(
                    f"{self.path}: another import into this project is running, expected it to end first"
                )
            return adding.add_document(
                self._db,
                self.skeleton,
                document,
                self.match_images(document),
                source=source,
                replace_edited=edited == "replace",
                problems=problems or {},
                leave_out=frozenset(leave_out),
                told=told,
            )

    # --- images and the queue -------------------------------------------------------------------------------------------

    def photo_path(self, image: ImageRecord) -> Path:
        """Where the photo of an image lies (whether or not it is there).

        Raises:
            ProjectError: the file name leads out of the image root.
        """
        return configs.photo_path(self.config, image.file_name)

    def image(self, image_id: int) -> ImageRecord:
        """The image of that COCO id.

        Raises:
            ProjectError: there is none.
        """
        with self._db.read() as connection:
            return queue.get_image(connection, image_id)

    def find_image(self, text: str) -> ImageRecord | None:
        """The image that a labeller means by an id, a file name, or the last part of one (with or without its suffix)."""
        with self._db.read() as connection:
            return queue.find_image(connection, text)

    def images(
        self, status: str | Collection[str] | None = None, after: int | None = None, limit: int | None = None
    ) -> list[ImageRecord]:
        """Images in queue order.

        Args:
            status: only images of this status, or of one of these.
            after: only images behind this image id in the queue.
            limit: at most so many.

        Raises:
            ProjectError: an unknown status, or no image `after`.
        """
        with self._db.read() as connection:
            return queue.list_images(connection, queue.statuses(status), after, limit)

    def statuses(
        self, status: str | Collection[str] | None = None, after: int | None = None, limit: int | None = None
    ) -> list[tuple[int, str]]:
        """Id and status of the images that `images` would list: a queue of 100,000 images costs a tenth of a second."""
        with self._db.read() as connection:
            return queue.list_statuses(connection, queue.statuses(status), after, limit)

    def next_image(
        self,
        after: int | None = None,
        status: str | Collection[str] | None = None,
        *,
        backwards: bool = False,
        wrap: bool = False,
    ) -> ImageRecord | None:
        """The next image of the queue that passes the filter, or None; from the start when `after` is None.

        Args:
            after: the image id to go on from.
            status: only images of this status, or of one of these (`UNFINISHED` for what still waits).
            backwards: the one before instead.
            wrap: at the end, go on at the start (the image `after` itself comes last).
        """
        with self._db.read() as connection:
            return queue.next_image(connection, after, queue.statuses(status), backwards=backwards, wrap=wrap)

    def neighbours(self, image_id: int, status: str | Collection[str] | None = None) -> Neighbours:
        """The image's place in the queue under a filter: ids before and after, position, total."""
        with self._db.read() as connection:
            return queue.neighbours(connection, image_id, queue.statuses(status))

    def status_counts(self) -> dict[str, int]:
        """How many images have each status; much faster than `counts` in a large project."""
        with self._db.read() as connection:
            return queue.status_counts(connection)

    def counts(self) -> Counts:
        """How far the work is: images by status, people, joints by source."""
        with self._db.read() as connection:
            return queue.counts(connection)

    def set_status(self, image_id: int, status: str, author: str, reason: str | None = None) -> ImageRecord:
        """The image with its new status; the change is logged. Saying again what holds already changes and logs nothing.

        Raises:
            ProjectError: no such image, an unknown status, or no author.
        """
        with self._db.write() as connection:
            return queue.set_status(connection, image_id, status, author, reason)

    def set_problem(self, image_id: int, problem: str | None) -> ImageRecord:
        """The image with the note why its photo cannot be shown, or without one.

        Raises:
            ProjectError: no such image, or an empty text.
        """
        with self._db.write() as connection:
            return queue.set_problem(connection, image_id, problem)

    def events(self, image_id: int) -> list[ImageEvent]:
        """The changes of the image's status, oldest first."""
        with self._db.read() as connection:
            return queue.events(connection, image_id)

    # --- the queue in an order, and what needs fixing --------------------------------------------------------------------

    def queue(self, which: str = "all", **wishes: Unpack[Wishes]) -> QueueList:
        """Ids, statuses and what there is to fix of images, in columns, in an order: 100,000 images cost a fifth of a second.

        Args:
            which: `all`, `unfinished`, a status, or `fix` (images that need fixing).
            wishes: `order`, `seed`, `text`, `mark`, `labeller`; see `labeltool.project.worklist.Wish`.

        Raises:
            ProjectError: an unknown filter or order.
        """
        with self._db.read() as connection:
            return worklist.queue_list(connection, Wish(which, **wishes))

    def queue_page(
        self, which: str = "all", *, offset: int = 0, limit: int = 50, **wishes: Unpack[Wishes]
    ) -> tuple[int, list[QueueEntry]]:
        """How many images `queue` would list, and some of them with all that a table shows.

        Raises:
            ProjectError: an unknown filter or order.
        """
        wish = Wish(which, **wishes)
        with self._db.read() as connection:
            return worklist.count(connection, wish), worklist.page(connection, wish, offset, limit)

    def walk(self, which: str = "unfinished", **wishes: Unpack[Wishes]) -> Iterator[ImageRecord]:
        """The images that `queue` lists, one by one, in the order they stand in when the walk begins.

        Raises:
            ProjectError: an unknown filter or order.
        """
        with self._db.read() as connection:
            yield from worklist.walk(connection, Wish(which, **wishes))

    def progress(self) -> Progress:
        """How far the work is in images, people and joints: milliseconds in a project of 100,000 images."""
        with self._db.read() as connection:
            return progressing.progress(connection, len(self.skeleton))

    def pace(self, author: str) -> Pace:
        """How fast somebody labels, by the last 2,000 revisions."""
        with self._db.read() as connection:
            return progressing.pace(connection, author)

    def paces(self) -> list[Pace]:
        """The pace of everybody who ever labelled, by all revisions, the most people first."""
        with self._db.read() as connection:
            return progressing.paces(connection)

    def labellers(self) -> list[str]:
        """Everybody who ever saved an edit, by name."""
        with self._db.read() as connection:
            return progressing.labellers(connection)

    def skip_reasons(self) -> list[tuple[str, int]]:
        """The reasons why images were skipped, and how many images each, the most frequent first."""
        with self._db.read() as connection:
            return progressing.skip_reasons(connection)

    def flag(self, image_id: int, note: str | None, author: str) -> ImageRecord:
        """The image with what a reviewer wants fixed, or with None without it; the change is logged.

        Raises:
            ProjectError: no such image, an empty note, or no author.
        """
        with self._db.write() as connection:
            return fixes.set_flag(connection, image_id, note, author)

    def flags(self, image_id: int) -> list[Flag]:
        """The flags of an image that were set and taken away, oldest first."""
        with self._db.read() as connection:
            return fixes.flag_log(connection, image_id)

    def recheck(self, image_ids: Collection[int] | None = None) -> int:
        """Looks for errors in the labels of images again; saves do so by themselves. How many have one.

        Args:
            image_ids: which images; None for all, which reads every label.

        Raises:
            ProjectError: an unknown image.
        """
        with self._db.write() as connection:
            return fixes.recheck(connection, self.skeleton, image_ids)

    def measure_doubts(self) -> None:
        """Works out anew how unsure models are about every image, by the bodies that the labels show now.

        `add_predictions` does so for its images, by the bodies that were measured last.
        """
        with self._db.write() as connection:
            doubting.measure_all(connection, self.skeleton)

    # --- marks: what somebody wants looked at ----------------------------------------------------------------------------

    def put_marks(self, source: str, given: Iterable[Mark], author: str) -> int:
        """Replaces all marks of a source, in one transaction; how many are open then. See `labeltool.project.marks`.

        A mark of the same kind, image, person and joints that was called right stays so while that person is unchanged.

        Args:
            source: who says so, without a colon.
            given: the marks; none takes the source away.
            author: who had them stored.

        Raises:
            ProjectError: an unknown image, person or joint, a kind or source that is no short name; nothing was written.
        """
        with self._db.write() as connection:
            return marks.replace_source(connection, self.skeleton.joints, source, given, author)

    def marks(self, image_id: int | None = None, *, source: str | None = None, settled: bool = False) -> list[Mark]:
        """The open marks of an image, or of the whole project, or of one source, the highest score first.

        Args:
            image_id: only of this image.
            source: only of this source.
            settled: those that were looked at as well.
        """
        with self._db.read() as connection:
            return marks.find(connection, image_id, source, settled=settled)

    def mark_counts(self) -> list[MarkCount]:
        """How many marks wait and were settled, by source and kind, in the order of their names."""
        with self._db.read() as connection:
            return marks.counts(connection)

    def settle_marks(self, ids: Collection[int], author: str, *, reopen: bool = False) -> list[Mark]:
        """Says of marks that they were looked at and the labels are right, or opens them again; the marks as they are then.

        Raises:
            ProjectError: an unknown mark, or no author.
        """
        with self._db.write() as connection:
            return marks.settle(connection, ids, author, reopen=reopen)

    # --- below which confidence to look ----------------------------------------------------------------------------------

    def look_below(self) -> dict[str, Thresholds]:
        """The thresholds of confidence that were chosen, by model (`name@version`)."""
        with self._db.read() as connection:
            return thresholds.read(connection)

    def set_look_below(
        self, model: str, joints: Mapping[str, float | None] | None, *, precision: float, author: str
    ) -> None:
        """Replaces a model's thresholds, by which the editor rings joints as unsure, and measures the doubts of the queue anew.

        Args:
            model: `name@version`.
            joints: by joint; None where somebody should always look. None instead of it all: 0.5 for every joint, as at first.
            precision: the share of right joints at and above them that was wanted.
            author: who chose them.

        Raises:
            ProjectError: an unknown joint, or a number that is not in 0..1; nothing was written.
        """
        with self._db.write() as connection:
            thresholds.write(connection, self.skeleton.joints, model, joints, precision, author)
            doubting.measure_all(connection, self.skeleton)

    # --- people ---------------------------------------------------------------------------------------------------------

    def people(self, image_id: int, deleted: bool = False) -> list[Person]:
        """The people of an image in the order they came, crowds included; with `deleted`, the deleted ones too.

        Raises:
            ProjectError: no such image.
        """
        with self._db.read() as connection:
            return reading.people_of(connection, self.skeleton.joints, image_id, deleted)

    def person(self, person_id: int) -> Person:
        """The person as it is now.

        Raises:
            ProjectError: there is none.
        """
        with self._db.read() as connection:
            return reading.person(connection, self.skeleton.joints, person_id)

    def find_people(self, annotation_ids: Sequence[int]) -> dict[int, int]:
        """The number of the people with these COCO annotation ids, by the id; at most some thousands."""
        with self._db.read() as connection:
            return reading.find_people(connection, annotation_ids)

    def history(self, person_id: int) -> list[Revision]:
        """The log of a person, oldest first. Revision 0, the import, has no entry: the first one's `before` holds it."""
        with self._db.read() as connection:
            return reading.history(connection, person_id)

    def labelled_people(self, *, only_done: bool = False) -> Iterator[LabelledPerson]:
        """The people with at least one human label (no crowds, none deleted), streamed in the order of their images' ids.

        Args:
            only_done: only those on images whose status is `done`.
        """
        with self._db.read() as connection:
            yield from reading.labelled_people(connection, self.skeleton.joints, only_done)

    # --- the whole as arrays --------------------------------------------------------------------------------------------

    def label_arrays(self) -> bulk.LabelArrays:
        """Whom an export would hold of the images where somebody is labelled: crowds and people without labels included."""
        with self._db.read() as connection:
            return self._kept.labels(connection)

    def prediction_arrays(self, model: str, version: str, weights_hash: str) -> bulk.PredictionArrays:
        """What one run of a model said."""
        with self._db.read() as connection:
            return self._kept.predictions(connection, model, version, weights_hash)

    def help_arrays(self) -> bulk.HelpArrays:
        """For everybody whom a human worked on: how long, with what help, and how many joints moved."""
        with self._db.read() as connection:
            return bulk.help_arrays(connection)

    def blind_people(self) -> set[int]:
        """Ids of the people who are labelled without a model's help: nothing may tell what a model says about them."""
        with self._db.read() as connection:
            return bulk.blind_people(connection)

    def image_names(self) -> tuple[dict[int, str], dict[int, str]]:
        """File name and status of every image, by id."""
        with self._db.read() as connection:
            return bulk.image_names(connection)

    def images_of_status(self, statuses: Collection[str]) -> list[int]:
        """Ids of the images of some statuses."""
        with self._db.read() as connection:
            return bulk.images_of_status(connection, statuses)

    def image_sizes(self) -> dict[int, tuple[int, int]]:
        """Width and height of every image, in pixels, by id."""
        with self._db.read() as connection:
            return reading.image_sizes(connection)

    # --- saving ---------------------------------------------------------------------------------------------------------

    def save(
        self,
        person_id: int,
        *,
        base: int,
        author: str,
        edit_id: str,
        box: Box | Sequence[float] | None = None,
        joints: Mapping[str, JointLike] | None = None,
        deleted: bool | None = None,
        accept: bool | Collection[str] = False,
        action: str = "edit",
        active_seconds: float = 0.0,
    ) -> Person:
        """The person after a labeller's edit, which is then on disk: its new state and one more revision in the log.

        What is not given stays. A joint may be given in two ways:

        - `(x, y, v)`, what the labeller sees: its source follows. Unchanged joints keep their source and their exact numbers;
          v = 0 to labelled is `added`; labelled to v = 0 is `removed`; a changed place or flag is `moved`.
        - a `Joint`: taken as it is, source included. This is how undo brings back a former state.

        A joint with v = 0 is stored with x = y = 0. The first save on an image that was unlabelled, pre-filled or skipped
        makes it `in_progress`; an image that is done stays done.

        Args:
            person_id: the person.
            base: the revision that the labeller saw.
            author: who; never starting with `model:`.
            edit_id: the client's own id of this edit. The same id again (a retry after a lost answer) writes nothing and
                returns the person as that edit left it, however stale `base` is by then.
            box: xywh; None leaves the box as it is.
            joints: some or all joints by name.
            deleted: True deletes, False restores.
            accept: True accepts every joint that is still a prediction after the edit; a list of names accepts these.
            action: what the labeller did, for the log (`move`, `flag`, `swap`, `undo`, ...).
            active_seconds: how long it took, idle time left out.

        Raises:
            StaleRevision: somebody saved in between; it carries both versions, and nothing was written.
            ProjectError: no such person, a crowd, a deleted person that is not restored, an unknown joint, v other than
                0, 1, 2, a number that is not finite, a box without width or height; nothing was written.
        """
        edit = saving.Edit(box, joints, deleted, accept, author, edit_id, action, active_seconds)
        with self._db.write() as connection:
            person = saving.save(connection, self.skeleton.joints, person_id, base, edit)
            fixes.recheck_saved(connection, self.skeleton, person)
            marks.note_edit(connection, person_id, edit.author)
            return person

    def add_person(
        self,
        image_id: int,
        *,
        box: Box | Sequence[float],
        author: str,
        edit_id: str,
        joints: Mapping[str, JointLike] | None = None,
        action: str = "add",
        active_seconds: float = 0.0,
    ) -> Person:
        """A new person on an image, with its COCO annotation id; the same `edit_id` again returns the person made before.

        Raises:
            ProjectError: no such image, or values that `save` refuses.
        """
        edit = saving.Edit(box, joints, None, False, author, edit_id, action, active_seconds)
        with self._db.write() as connection:
            person = saving.add_person(connection, self.skeleton.joints, image_id, edit)
            fixes.recheck_saved(connection, self.skeleton, person)
            return person

    def has_edit(self, edit_id: str) -> bool:
        """Whether an edit of this id was stored before: the same save, sent again."""
        with self._db.read() as connection:
            return saving.has_edit(connection, edit_id)

    # --- predictions ----------------------------------------------------------------------------------------------------

    def add_predictions(
        self,
        model: str,
        version: str,
        weights_hash: str,
        by_image: Mapping[int, Sequence[PredictedPerson]],
        *,
        fill: bool = False,
        min_confidence: float = 0.0,
        min_score: float = 0.0,
    ) -> Stored:
        """Stores what a model said about some images, in one transaction; earlier words of the same model on them go.

        An image with an empty list counts as predicted too (the model found nobody). With `fill`, in the same transaction:

        - a prediction with a `person_id` fills that person where no joint is a human's word (see `fill`), unless the image is
          done or skipped;
        - a prediction without one becomes a new person of origin `model`, on images that are unlabelled or pre-filled; people
          proposed earlier that no human touched make way for it, unless the same call fills them.

        Whoever is labelled blind gets no joints by either way: the prediction is stored beside them and shown to nobody.

        Args:
            model: the model's name.
            version: its version.
            weights_hash: hash of its weights.
            by_image: what it found, by image id.
            fill: also put it before the labellers.
            min_confidence: joints below it are not filled (they stay in the prediction).
            min_score: detections below it are not proposed (they stay stored).

        Raises:
            ProjectError: an unknown image, person or joint, or a number that is not finite; nothing was written.
        """
        run = predictions.Run(model, version, weights_hash)
        limits = predictions.Limits(min_confidence, min_score) if fill else None
        with self._db.write() as connection:
            stored = predictions.add(connection, self.skeleton.joints, run, by_image, limits)
            doubting.measure(connection, self.skeleton, by_image)
            return stored

    def fill(self, person_id: int, prediction: Prediction, *, min_confidence: float = 0.0) -> Person | None:
        """The person with the prediction's joints as `predicted`, or None where a human's joint or blindness forbids it.

        Joints of an earlier fill are replaced. The revision's author is `model:<name>@<version>`; an unlabelled image becomes
        `prefilled`.

        Raises:
            ProjectError: no such person, or a crowd.
        """
        with self._db.write() as connection:
            return predictions.fill(connection, self.skeleton.joints, person_id, prediction, min_confidence)

    def add_prediction(
        self, model: str, version: str, weights_hash: str, image_id: int, guess: PredictedPerson
    ) -> Prediction:
        """Stores what a model said about one person of an image and fills nothing; its earlier word on that person goes.

        The image counts as one that the model was run on (`predicted_images`) once it has spoken about everybody with a box.

        Raises:
            ProjectError: an unknown image, person or joint, or a number that is not finite; nothing was written.
        """
        run = predictions.Run(model, version, weights_hash)
        with self._db.write() as connection:
            stored = predictions.add_one(connection, self.skeleton.joints, run, image_id, guess)
            doubting.measure(connection, self.skeleton, [image_id])
            return stored

    def predicted_images(self, model: str, version: str, weights_hash: str) -> set[int]:
        """Ids of the images that this model was run on: what a resumed pre-fill passes over."""
        with self._db.read() as connection:
            return predictions.predicted_images(connection, predictions.Run(model, version, weights_hash))

    def predictions(
        self,
        image_id: int | None = None,
        model: str | None = None,
        version: str | None = None,
        weights_hash: str | None = None,
        person_id: int | None = None,
    ) -> Iterator[Prediction]:
        """Predictions, streamed in the order of their images' ids; what is given narrows them down."""
        names = self.skeleton.joints
        with self._db.read() as connection:
            yield from predictions.find(connection, names, image_id, model, version, weights_hash, person_id)

    def list_models(self) -> list[ModelSummary]:
        """The models that were run on this project, with how much they said."""
        with self._db.read() as connection:
            return predictions.list_models(connection)

    # --- COCO out -------------------------------------------------------------------------------------------------------

    def to_document(self, only_done: bool = False, with_predicted: bool = False) -> dict[str, Any]:
        """The labels as a COCO document; for a large project, `export` needs far less memory.

        Args:
            only_done: only images whose status is `done`, with their annotations.
            with_predicted: also joints and people that are mere predictions.
        """
        with self._db.read() as connection:
            return exporting.to_document(connection, self.skeleton, only_done, with_predicted)

    def export(self, path: Path, *, only_done: bool = False, with_predicted: bool = False) -> ExportSummary:
        """Writes the document of `to_document` to a file, streamed; the file appears whole or not at all.

        Raises:
            ProjectError: the file cannot be written.
        """
        with self._db.read() as connection:
            return exporting.export(connection, self.skeleton, Path(path), only_done, with_predicted)

    def take_snapshot(self, note: str | None = None, *, only_done: bool = False) -> Snapshot:
        """Writes what `export` would into the project's folder `snapshots`, and records it with its hash, for good.

        Args:
            note: what it is taken for.
            only_done: only images whose status is `done`.

        Raises:
            ProjectError: an empty note, or the folder cannot be written.
        """
        return snapshots.take(self._db, self.skeleton, self.path, note, only_done)

    def snapshots(self) -> list[Snapshot]:
        """The snapshots that were taken, the first one first; `Snapshot.fault` says whether a file is what it was."""
        with self._db.read() as connection:
            return snapshots.list_snapshots(connection, self.path)

    def export_chunks(self, *, only_done: bool = False, with_predicted: bool = False) -> Iterable[bytes]:
        """The bytes of `export`, piece by piece, for a download."""
        with self._db.read() as connection:
            yield from exporting.chunks(connection, self.skeleton, only_done, with_predicted)
