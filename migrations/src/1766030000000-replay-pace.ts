import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A replay may keep the pace of the past. Previews hold payloads, and are no longer stored: they are made when they are asked for. */
export class ReplayPace1766030000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE replays ADD COLUMN pace real');
    await queryRunner.query(`UPDATE replays SET plan = plan - 'previews'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`UPDATE replays SET plan = plan || '{"previews": []}'`);
    await queryRunner.query('ALTER TABLE replays DROP COLUMN pace');
  }
}
