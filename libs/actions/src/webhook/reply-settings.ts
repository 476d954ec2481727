import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsOptional, IsString, JSONSchema, MaxLength } from '../validators';

/** The webhook's answer is published to the message's response topic (MQTT 5, 4.10). */
export class ReplySettings {
  /** Where answers may go. The response topic is the sender's choice, and must not reach further than these. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @MaxLength(65_535, { each: true })
  @JSONSchema({
    title: 'Topics',
    description: 'Topic filters in which the response topic of a message has to be, such as replies/#.',
  })
  topics!: string[];

  @IsIn([0, 1, 2])
  @IsOptional()
  @JSONSchema({ title: 'QoS', description: '1 by default.' })
  qos?: 0 | 1 | 2;
}
