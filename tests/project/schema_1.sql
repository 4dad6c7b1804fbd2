BEGIN TRANSACTION;
CREATE TABLE events (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	author TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	"after" TEXT NOT NULL, 
	reason TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(image_id) REFERENCES images (id)
);
INSERT INTO "events" VALUES(1,5,'2026-11-25T19:27:38.310Z','model:deeppose@1','unlabelled','prefilled',NULL);
INSERT INTO "events" VALUES(2,9,'2026-11-25T19:27:38.325Z','model:deeppose@1','unlabelled','prefilled',NULL);
INSERT INTO "events" VALUES(3,5,'2026-11-25T19:27:38.332Z','anna','prefilled','in_progress',NULL);
INSERT INTO "events" VALUES(4,9,'2026-11-25T19:27:38.361Z','anna','prefilled','skipped','dark');
CREATE TABLE images (
	id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	file_name TEXT NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT, 
	problem TEXT, 
	raw TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (position)
);
INSERT INTO "images" VALUES(3,1,'three.jpg',50,50,'done','imported',NULL,'{"license":1,"file_name":"three.jpg","height":50,"width":50,"id":3}');
INSERT INTO "images" VALUES(5,0,'a/five.jpg',80,60,'in_progress',NULL,NULL,'{"id":5,"file_name":"a/five.jpg","width":80,"height":60,"license":4}');
INSERT INTO "images" VALUES(9,2,'b/nine.png',20,30,'skipped','dark',NULL,'{"id":9,"file_name":"b/nine.png","width":20,"height":30}');
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('head','{"extra":{"z":1,"a":[1.0,1,null,true,"\u00fc\u2028"]},"annotations":null,"images":null,"categories":[{"id":18,"name":"dog"},{"supercategory":"person","id":1,"name":"person","keypoints":["head","left_hand","right_hand","foot"],"skeleton":[[1,4]]}],"info":{}}');
INSERT INTO "meta" VALUES('joints','["head","left_hand","right_hand","foot"]');
INSERT INTO "meta" VALUES('category','{"id":1,"patch":null}');
INSERT INTO "meta" VALUES('next_annotation_id','900100000003');
CREATE TABLE models (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	weights_hash TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name, version, weights_hash)
);
INSERT INTO "models" VALUES(1,'deeppose','1','abc');
CREATE TABLE originals (
	id INTEGER NOT NULL, 
	image_id INTEGER, 
	raw TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "originals" VALUES(1,5,'{"id":11,"note":"kept","segmentation":[[1.5,2,30,2,30,40.25]],"num_keypoints":3,"area":541.3,"iscrowd":0,"keypoints":[10,12.5,2,20,22,1,7,8,0,30.0,31,2],"image_id":5,"bbox":[1.5,2,28.5,38.25],"category_id":1}');
INSERT INTO "originals" VALUES(2,5,'{"id":7,"image_id":5,"category_id":18,"bbox":[1,2,3,4],"area":12,"iscrowd":0,"segmentation":[]}');
INSERT INTO "originals" VALUES(3,5,'{"id":900100000000,"segmentation":{"counts":[10,20,4770],"size":[60,80]},"num_keypoints":0,"area":20,"iscrowd":1,"keypoints":[0,0,0,0,0,0,0,0,0,0,0,0],"image_id":5,"bbox":[0,10,1,20],"category_id":1}');
INSERT INTO "originals" VALUES(4,3,'{"id":12,"keypoints":[1,1,2,2,2,2,3,3,2,4,4,2],"num_keypoints":4,"area":100,"iscrowd":0,"image_id":3,"bbox":[0,0,20,10],"category_id":1}');
INSERT INTO "originals" VALUES(5,5,'{"id":13,"image_id":5,"category_id":1,"bbox":[40,4,10,20],"iscrowd":0}');
CREATE TABLE people (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	annotation_id INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	crowd BOOLEAN NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	touched BOOLEAN NOT NULL, 
	revision INTEGER NOT NULL, 
	box TEXT, 
	keypoints TEXT, 
	sources TEXT NOT NULL, 
	area FLOAT, 
	area_source TEXT NOT NULL, 
	labelled INTEGER NOT NULL, 
	hidden INTEGER NOT NULL, 
	from_imported INTEGER NOT NULL, 
	from_predicted INTEGER NOT NULL, 
	from_accepted INTEGER NOT NULL, 
	from_moved INTEGER NOT NULL, 
	from_added INTEGER NOT NULL, 
	from_removed INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(image_id) REFERENCES images (id), 
	UNIQUE (annotation_id)
);
INSERT INTO "people" VALUES(1,5,11,'imported',0,0,1,1,'[1.5,2,28.5,38.25]','[10,12.5,2,20,22,1,0,0,0,31,31,1]','iiim',541.3,'segmentation',3,2,2,0,0,1,0,0);
INSERT INTO "people" VALUES(3,5,900100000000,'imported',1,0,0,0,'[0,10,1,20]',NULL,'i',20.0,'segmentation',0,0,0,0,0,0,0,0);
INSERT INTO "people" VALUES(4,3,12,'imported',0,0,0,0,'[0,0,20,10]','[1,1,2,2,2,2,3,3,2,4,4,2]','i',100.0,'given',4,0,4,0,0,0,0,0);
INSERT INTO "people" VALUES(5,5,13,'imported',0,0,1,3,'[40,4,10,20]','[8.5,6.25,2,6.25,6.25,2,6.25,6.25,2,6.25,6.25,2]','maaa',1.06000000000000014208e+02,'0.53 x bbox',4,0,0,0,3,1,0,0);
INSERT INTO "people" VALUES(6,9,900100000001,'model',0,0,0,1,'[1.0,2.0,10.0,20.0]','[4.75,4.75,2,4.75,4.75,2,4.75,4.75,2,4.75,4.75,2]','p',1.06000000000000014208e+02,'0.53 x bbox',0,0,0,4,0,0,0,0);
INSERT INTO "people" VALUES(7,3,900100000002,'human',0,1,1,2,'[1,2,3,4]',NULL,'n',6.36,'0.53 x bbox',0,0,0,0,0,0,0,0);
CREATE TABLE prediction_runs (
	id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	people INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (model_id, image_id), 
	FOREIGN KEY(model_id) REFERENCES models (id), 
	FOREIGN KEY(image_id) REFERENCES images (id)
);
INSERT INTO "prediction_runs" VALUES(1,1,5,'2026-11-25T19:27:38.298Z',2);
INSERT INTO "prediction_runs" VALUES(2,1,9,'2026-11-25T19:27:38.318Z',1);
CREATE TABLE predictions (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	person_id INTEGER, 
	box TEXT NOT NULL, 
	score FLOAT NOT NULL, 
	joints TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES prediction_runs (id) ON DELETE CASCADE, 
	FOREIGN KEY(person_id) REFERENCES people (id)
);
INSERT INTO "predictions" VALUES(1,1,5,'[1.0,2.0,10.0,20.0]',0.9,'[6.25,6.25,0.8,6.25,6.25,0.8,6.25,6.25,0.8,6.25,6.25,0.8]');
INSERT INTO "predictions" VALUES(2,1,1,'[1.0,2.0,10.0,20.0]',0.9,'[7.5,7.5,0.8,7.5,7.5,0.8,7.5,7.5,0.8,7.5,7.5,0.8]');
INSERT INTO "predictions" VALUES(3,2,6,'[1.0,2.0,10.0,20.0]',0.9,'[4.75,4.75,0.8,4.75,4.75,0.8,4.75,4.75,0.8,4.75,4.75,0.8]');
CREATE TABLE revisions (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	base INTEGER NOT NULL, 
	author TEXT NOT NULL, 
	at TEXT NOT NULL, 
	action TEXT NOT NULL, 
	"before" TEXT, 
	"after" TEXT NOT NULL, 
	active_seconds FLOAT NOT NULL, 
	edit_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (person_id, number), 
	FOREIGN KEY(person_id) REFERENCES people (id), 
	UNIQUE (edit_id)
);
INSERT INTO "revisions" VALUES(1,5,1,0,'model:deeppose@1','2026-11-25T19:27:38.307Z','fill','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[0,0,0,"imported"],"left_hand":[0,0,0,"imported"],"right_hand":[0,0,0,"imported"],"foot":[0,0,0,"imported"]}}','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[6.25,6.25,2,"predicted"],"left_hand":[6.25,6.25,2,"predicted"],"right_hand":[6.25,6.25,2,"predicted"],"foot":[6.25,6.25,2,"predicted"]}}',0.0,NULL);
INSERT INTO "revisions" VALUES(2,6,1,0,'model:deeppose@1','2026-11-25T19:27:38.323Z','propose',NULL,'{"box":[1.0,2.0,10.0,20.0],"deleted":false,"joints":{"head":[4.75,4.75,2,"predicted"],"left_hand":[4.75,4.75,2,"predicted"],"right_hand":[4.75,4.75,2,"predicted"],"foot":[4.75,4.75,2,"predicted"]}}',0.0,NULL);
INSERT INTO "revisions" VALUES(3,5,2,1,'anna','2026-11-25T19:27:38.331Z','move','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[6.25,6.25,2,"predicted"],"left_hand":[6.25,6.25,2,"predicted"],"right_hand":[6.25,6.25,2,"predicted"],"foot":[6.25,6.25,2,"predicted"]}}','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[8.5,6.25,2,"moved"],"left_hand":[6.25,6.25,2,"predicted"],"right_hand":[6.25,6.25,2,"predicted"],"foot":[6.25,6.25,2,"predicted"]}}',3.5,'e1');
INSERT INTO "revisions" VALUES(4,5,3,2,'anna','2026-11-25T19:27:38.335Z','accept','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[8.5,6.25,2,"moved"],"left_hand":[6.25,6.25,2,"predicted"],"right_hand":[6.25,6.25,2,"predicted"],"foot":[6.25,6.25,2,"predicted"]}}','{"box":[40,4,10,20],"deleted":false,"joints":{"head":[8.5,6.25,2,"moved"],"left_hand":[6.25,6.25,2,"accepted"],"right_hand":[6.25,6.25,2,"accepted"],"foot":[6.25,6.25,2,"accepted"]}}',1.5,'e2');
INSERT INTO "revisions" VALUES(5,1,1,0,'bert','2026-11-25T19:27:38.344Z','move','{"box":[1.5,2,28.5,38.25],"deleted":false,"joints":{"head":[10,12.5,2,"imported"],"left_hand":[20,22,1,"imported"],"right_hand":[0,0,0,"imported"],"foot":[30.0,31,2,"imported"]}}','{"box":[1.5,2,28.5,38.25],"deleted":false,"joints":{"head":[10,12.5,2,"imported"],"left_hand":[20,22,1,"imported"],"right_hand":[0,0,0,"imported"],"foot":[31,31,1,"moved"]}}',2.0,'e3');
INSERT INTO "revisions" VALUES(6,7,1,0,'bert','2026-11-25T19:27:38.350Z','add',NULL,'{"box":[1,2,3,4],"deleted":false,"joints":{"head":[0,0,0,"added"],"left_hand":[0,0,0,"added"],"right_hand":[0,0,0,"added"],"foot":[0,0,0,"added"]}}',4.0,'n1');
INSERT INTO "revisions" VALUES(7,7,2,1,'bert','2026-11-25T19:27:38.357Z','delete','{"box":[1,2,3,4],"deleted":false,"joints":{"head":[0,0,0,"added"],"left_hand":[0,0,0,"added"],"right_hand":[0,0,0,"added"],"foot":[0,0,0,"added"]}}','{"box":[1,2,3,4],"deleted":true,"joints":{"head":[0,0,0,"added"],"left_hand":[0,0,0,"added"],"right_hand":[0,0,0,"added"],"foot":[0,0,0,"added"]}}',0.0,'n2');
CREATE INDEX ix_images_file_name ON images (file_name);
CREATE INDEX images_queue ON images (status, position);
CREATE INDEX people_image ON people (image_id);
CREATE INDEX ix_events_image_id ON events (image_id);
CREATE INDEX ix_prediction_runs_image_id ON prediction_runs (image_id);
CREATE INDEX ix_predictions_run_id ON predictions (run_id);
CREATE TRIGGER revisions_no_update BEFORE UPDATE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions is append-only'); END;
CREATE TRIGGER revisions_no_delete BEFORE DELETE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions is append-only'); END;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER originals_no_update BEFORE UPDATE ON originals BEGIN SELECT RAISE(ABORT, 'originals is append-only'); END;
CREATE TRIGGER originals_no_delete BEFORE DELETE ON originals BEGIN SELECT RAISE(ABORT, 'originals is append-only'); END;
COMMIT;
PRAGMA application_id=1818389620;
PRAGMA user_version=1;
